"""Corpora: prepare, segment into subwords, binarize."""


rule prepare_text:
    input:
        corpus=corpus_files,
        modules=modules(*PREPARATION),
    output:
        f"{PATHS.text_dir('{task}')}/summary.json",
    log:
        PATHS.log("prepare/{task}"),
    conda:
        "../../envs/train.yaml"
    params:
        settings=preparation,
        data_dir=data_dir_argument,
        out=subpath(output[0], parent=True),
    shell:
        "python -m entropyreg prepare --settings {params.settings:q} --out {params.out:q} {params.data_dir}"
        " 2> >(tee {log:q} >&2)"


rule segment_text:
    input:
        f"{PATHS.text_dir('{task}')}/summary.json",
        modules("data/subwords.py"),
    output:
        f"{PATHS.subwords_dir('{task}')}/summary.json",
    log:
        PATHS.log("segment/{task}"),
    conda:
        "../../envs/train.yaml"
    params:
        settings=preparation,
        text=subpath(input[0], parent=True),
    shell:
        "python -m entropyreg segment --settings {params.settings:q} --text {params.text:q}" " 2> >(tee {log:q} >&2)"


rule binarize_text:
    input:
        f"{PATHS.subwords_dir('{task}')}/summary.json",
        modules("translation/binarization.py"),
    output:
        f"{PATHS.binary_dir('{task}')}/binary.json",
    log:
        PATHS.log("binarize/{task}"),
    conda:
        "../../envs/train.yaml"
    params:
        settings=preparation,
        subwords=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
    shell:
        "python -m entropyreg binarize --settings {params.settings:q} --subwords {params.subwords:q}"
        " --out {params.out:q} > {log:q} 2>&1 || (tail -n 3 {log:q} >&2; false)"
