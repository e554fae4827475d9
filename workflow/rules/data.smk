"""Corpora: download, prepare, segment into subwords, binarize."""


localrules:
    download_source,


# The output is a link: when Snakemake deletes it to run the rule anew, the download itself stays where it is.
rule download_source:
    output:
        PATHS.source("{source}"),
    log:
        PATHS.log("download/{source}"),
    retries: 3
    conda:
        "../../envs/train.yaml"
    resources:  # not params: a change of these must not make anything again that was prepared from a download
        download_dir=config["download_dir"],
        download_options=download_options(),
    params:
        links=subpath(output[0], ancestor=2),
    shell:
        "python -m entropyreg download {wildcards.source:q} --links {params.links:q}"
        " --download-dir {resources.download_dir:q} {resources.download_options} 2> >(tee {log:q} >&2)"


rule prepare_text:
    input:
        corpus=corpus_files,
    output:
        f"{PATHS.text_dir('{task}')}/summary.json",
        origin_path(f"{PATHS.text_dir('{task}')}/summary.json"),
    log:
        PATHS.log("prepare/{task}"),
    conda:
        "../../envs/train.yaml"
    resources:
        download_dir=config["download_dir"],
    params:
        job=job("prepare"),
        data_dir=data_dir_argument,
        out=subpath(output[0], parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --out {params.out:q} {params.data_dir}"
        " --download-dir {resources.download_dir:q} 2> >(tee {log:q} >&2)"


rule segment_text:
    input:
        f"{PATHS.text_dir('{task}')}/summary.json",
    output:
        f"{PATHS.subwords_dir('{task}')}/summary.json",
        origin_path(f"{PATHS.subwords_dir('{task}')}/summary.json"),
    log:
        PATHS.log("segment/{task}"),
    conda:
        "../../envs/train.yaml"
    params:
        job=job("segment"),
        text=subpath(input[0], parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --text {params.text:q} 2> >(tee {log:q} >&2)"


rule binarize_text:
    input:
        f"{PATHS.subwords_dir('{task}')}/summary.json",
    output:
        f"{PATHS.binary_dir('{task}')}/binary.json",
        origin_path(f"{PATHS.binary_dir('{task}')}/binary.json"),
    log:
        PATHS.log("binarize/{task}"),
    conda:
        "../../envs/train.yaml"
    params:
        job=job("binarize"),
        subwords=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --subwords {params.subwords:q}"
        " --out {params.out:q} > {log:q} 2>&1 || (tail -n 3 {log:q} >&2; false)"
