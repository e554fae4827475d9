"""Translation and summarisation: train a run, predict once with it; sweeps of beam sizes and temperatures."""


rule extract_pretrained:
    input:
        lambda wildcards: source_file(PRETRAINED[wildcards.pretrained]),
    output:
        out=PATHS.pretrained("{pretrained}"),
        origin=origin_path(PATHS.pretrained("{pretrained}")),
    log:
        PATHS.log("pretrained/{pretrained}"),
    conda:
        "../../envs/train.yaml"
    resources:
        download_dir=config["download_dir"],
    params:
        job=job("extract-pretrained"),
        data_dir=lambda wildcards: f"--data-dir {shlex.quote(config['data_dir'])}" if config["data_dir"] else "",
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --out {output.out:q} {params.data_dir}"
        " --download-dir {resources.download_dir:q} 2> >(tee {log:q} >&2)"


rule train_translation:
    input:
        binary=lambda wildcards: f"{PATHS.binary_dir(run_of(wildcards).task)}/binary.json",
        proposal=proposal_of,
        pretrained=pretrained_of,
    output:
        f"{PATHS.run_dir('{run}')}/model.pt",
        f"{PATHS.run_dir('{run}')}/training.json",
        f"{PATHS.run_dir('{run}')}/training.provenance.json",
        origin_path(f"{PATHS.run_dir('{run}')}/model.pt"),
    log:
        PATHS.log("train/{run}"),
    benchmark:
        PATHS.benchmark("train/{run}")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["train"]
    resources:
        mem_mb=config["memory_mb"]["train"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("train"),
        binary=subpath(input.binary, parent=True),
        run_dir=subpath(output[0], parent=True),
        further=further_files,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --binary {params.binary:q}"
        " --run-dir {params.run_dir:q} --log {log:q} --threads {threads} {params.further}"


rule predict_translation:
    input:
        model=f"{PATHS.run_dir('{run}')}/model.pt",
        training=f"{PATHS.run_dir('{run}')}/training.json",
        binary=lambda wildcards: f"{PATHS.binary_dir(run_of(wildcards).task)}/binary.json",
    output:
        f"{PATHS.run_dir('{run}')}/predictions/{{split}}.tokens.npz",
        f"{PATHS.run_dir('{run}')}/predictions/{{split}}.own.npz",
        f"{PATHS.run_dir('{run}')}/predictions/{{split}}.hypotheses.tsv",
        f"{PATHS.run_dir('{run}')}/predictions/{{split}}.sums.json",
        origin_path(f"{PATHS.run_dir('{run}')}/predictions/{{split}}.tokens.npz"),
    log:
        PATHS.log("predict.{split}/{run}"),
    benchmark:
        PATHS.benchmark("predict/{run}/{split}")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["predict"]
    resources:
        mem_mb=config["memory_mb"]["predict"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("predict"),
        binary=subpath(input.binary, parent=True),
        run_dir=subpath(input.model, parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --binary {params.binary:q}"
        " --run-dir {params.run_dir:q} --split {wildcards.split} --threads {threads}"
        " > {log:q} 2>&1 || (tail -n 3 {log:q} >&2; false)"


rule predict_beams:
    input:
        model=f"{PATHS.run_dir('{run}')}/model.pt",
        training=f"{PATHS.run_dir('{run}')}/training.json",
        binary=lambda wildcards: f"{PATHS.binary_dir(run_of(wildcards).task)}/binary.json",
    output:
        f"{PATHS.run_dir('{run}')}/predictions/valid.beams.tsv",
        f"{PATHS.run_dir('{run}')}/predictions/valid.beams.sums.json",
        origin_path(f"{PATHS.run_dir('{run}')}/predictions/valid.beams.tsv"),
    log:
        PATHS.log("predict-beams/{run}"),
    benchmark:
        PATHS.benchmark("predict/{run}/beams")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["predict"]
    resources:
        mem_mb=config["memory_mb"]["predict"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("predict-beams"),
        binary=subpath(input.binary, parent=True),
        run_dir=subpath(input.model, parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --binary {params.binary:q}"
        " --run-dir {params.run_dir:q} --threads {threads} > {log:q} 2>&1 || (tail -n 3 {log:q} >&2; false)"


rule predict_temperatures:
    input:
        model=f"{PATHS.run_dir('{run}')}/model.pt",
        training=f"{PATHS.run_dir('{run}')}/training.json",
        binary=lambda wildcards: f"{PATHS.binary_dir(run_of(wildcards).task)}/binary.json",
    output:
        f"{PATHS.run_dir('{run}')}/predictions/valid.temperatures.npz",
        f"{PATHS.run_dir('{run}')}/predictions/valid.temperatures.tsv",
        f"{PATHS.run_dir('{run}')}/predictions/features.npz",
        f"{PATHS.run_dir('{run}')}/predictions/valid.temperatures.sums.json",
        origin_path(f"{PATHS.run_dir('{run}')}/predictions/valid.temperatures.npz"),
    log:
        PATHS.log("predict-temperatures.valid/{run}"),
    benchmark:
        PATHS.benchmark("predict/{run}/temperatures")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["predict"]
    resources:
        mem_mb=config["memory_mb"]["predict"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("predict-temperatures", split="valid"),
        binary=subpath(input.binary, parent=True),
        run_dir=subpath(input.model, parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --binary {params.binary:q}"
        " --run-dir {params.run_dir:q} --threads {threads} > {log:q} 2>&1 || (tail -n 3 {log:q} >&2; false)"


rule predict_temperatures_on_test:
    input:
        model=f"{PATHS.run_dir('{run}')}/model.pt",
        training=f"{PATHS.run_dir('{run}')}/training.json",
        chosen_on=lambda wildcards: predictions(run_of(wildcards), "valid.temperatures"),
        binary=lambda wildcards: f"{PATHS.binary_dir(run_of(wildcards).task)}/binary.json",
    output:
        f"{PATHS.run_dir('{run}')}/predictions/test.temperatures.npz",
        f"{PATHS.run_dir('{run}')}/predictions/test.temperatures.tsv",
        f"{PATHS.run_dir('{run}')}/predictions/test.temperatures.sums.json",
        origin_path(f"{PATHS.run_dir('{run}')}/predictions/test.temperatures.npz"),
    log:
        PATHS.log("predict-temperatures.test/{run}"),
    benchmark:
        PATHS.benchmark("predict/{run}/temperatures.test")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["predict"]
    resources:
        mem_mb=config["memory_mb"]["predict"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("predict-temperatures", split="test"),
        binary=subpath(input.binary, parent=True),
        run_dir=subpath(input.model, parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --binary {params.binary:q}"
        " --run-dir {params.run_dir:q} --split test --threads {threads} > {log:q} 2>&1 || (tail -n 3 {log:q} >&2; false)"
