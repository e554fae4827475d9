"""Images: prepare a set, train the seeds of a run together, predict once, measure."""


rule prepare_images:
    input:
        files=image_files,
    output:
        f"{PATHS.images_dir('{image_task}')}/summary.json",
        f"{PATHS.images_dir('{image_task}')}/images.npz",
        f"{PATHS.images_dir('{image_task}')}/provenance.json",
        origin_path(f"{PATHS.images_dir('{image_task}')}/summary.json"),
    log:
        PATHS.log("prepare/{image_task}"),
    conda:
        "../../envs/train.yaml"
    params:
        job=job("prepare-images"),
        data_dir=image_data_dir,
        out=subpath(output[0], parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --out {params.out:q} {params.data_dir} 2> >(tee {log:q} >&2)"


rule train_images:
    input:
        summary=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/summary.json",
        images=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/images.npz",
        teacher=teacher_of,
    output:
        f"{PATHS.run_dir('{image_run}')}/model.pt",
        f"{PATHS.run_dir('{image_run}')}/training.json",
        f"{PATHS.run_dir('{image_run}')}/training.provenance.json",
        origin_path(f"{PATHS.run_dir('{image_run}')}/model.pt"),
    log:
        PATHS.log("train-images/{image_run}"),
    benchmark:
        PATHS.benchmark("train/{image_run}")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["train"]
    resources:
        mem_mb=config["memory_mb"]["train"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("train-images"),
        data=subpath(input.summary, parent=True),
        run_dir=subpath(output[0], parent=True),
        teacher=teacher_options,
        data_dir=stored_data_dir,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --data {params.data:q}"
        " --run-dir {params.run_dir:q} --threads {threads} {params.teacher} {params.data_dir} 2> >(tee {log:q} >&2)"


rule predict_images:
    input:
        model=f"{PATHS.run_dir('{image_run}')}/model.pt",
        training=f"{PATHS.run_dir('{image_run}')}/training.json",
        summary=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/summary.json",
        images=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/images.npz",
    output:
        f"{PATHS.run_dir('{image_run}')}/predictions.json",
        origin_path(f"{PATHS.run_dir('{image_run}')}/predictions.json"),
    log:
        PATHS.log("predict-images/{image_run}"),
    benchmark:
        PATHS.benchmark("predict/{image_run}")
    conda:
        "../../envs/train.yaml"
    threads: config["threads"]["predict"]
    resources:
        mem_mb=config["memory_mb"]["predict"],
        gpu=1 if config["device"] == "cuda" else 0,
    params:
        job=job("predict-images"),
        data=subpath(input.summary, parent=True),
        run_dir=subpath(input.model, parent=True),
        data_dir=stored_data_dir,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --data {params.data:q}"
        " --run-dir {params.run_dir:q} --threads {threads} {params.data_dir} 2> >(tee {log:q} >&2)"


rule measure_images:
    input:
        predictions=f"{PATHS.run_dir('{image_run}')}/predictions.json",
        training=f"{PATHS.run_dir('{image_run}')}/training.json",
        summary=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/summary.json",
        images=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/images.npz",
        teacher=teacher_predictions_of,
    output:
        record=PATHS.record("{image_run}"),
        measures=PATHS.measures("{image_run}"),
        projection=PATHS.projection("{image_run}"),
        blocks=PATHS.blocks("{image_run}"),
        provenance=f"{PATHS.run_dir('{image_run}')}/provenance.json",
        origin=origin_path(PATHS.record("{image_run}")),
    log:
        PATHS.log("measure-images/{image_run}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("measure-images"),
        data=subpath(input.summary, parent=True),
        run_dir=subpath(output.record, parent=True),
        teacher=teacher_folder,
        claims=CLAIMS,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --data {params.data:q}"
        " --run-dir {params.run_dir:q} --claims {params.claims:q} {params.teacher} 2> >(tee {log:q} >&2)"
