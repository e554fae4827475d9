"""Images: prepare a set, train the seeds of a run together, predict once, measure."""


rule prepare_images:
    input:
        files=image_files,
    output:
        f"{PATHS.images_dir('{image_task}')}/summary.json",
        f"{PATHS.images_dir('{image_task}')}/images.npz",
    log:
        PATHS.log("prepare/{image_task}"),
    conda:
        "../../envs/train.yaml"
    params:
        job=lambda wildcards: job(
            "prepare-images", image_settings.image_preparation_settings(config, wildcards.image_task)
        ),
        data_dir=image_data_dir,
        out=subpath(output[0], parent=True),
    shell:
        "{params.job} --out {params.out:q} {params.data_dir}" " 2> >(tee {log:q} >&2)"


rule train_images:
    input:
        summary=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/summary.json",
        images=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/images.npz",
        teacher=teacher_of,
    output:
        f"{PATHS.run_dir('{image_run}')}/model.pt",
        f"{PATHS.run_dir('{image_run}')}/training.json",
        f"{PATHS.run_dir('{image_run}')}/training.provenance.json",
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
        job=lambda wildcards: job(
            "train-images", image_settings.image_training_settings(config, image_run_of(wildcards))
        ),
        data=subpath(input.summary, parent=True),
        run_dir=subpath(output[0], parent=True),
        teacher=teacher_options,
        data_dir=stored_data_dir,
    shell:
        "{params.job} --data {params.data:q}"
        " --run-dir {params.run_dir:q} --threads {threads} {params.teacher} {params.data_dir} 2> >(tee {log:q} >&2)"


rule predict_images:
    input:
        model=f"{PATHS.run_dir('{image_run}')}/model.pt",
        training=f"{PATHS.run_dir('{image_run}')}/training.json",
        summary=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/summary.json",
        images=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/images.npz",
    output:
        f"{PATHS.run_dir('{image_run}')}/predictions.json",
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
        job=lambda wildcards: job(
            "predict-images", image_settings.image_prediction_settings(config, image_run_of(wildcards))
        ),
        data=subpath(input.summary, parent=True),
        run_dir=subpath(input.model, parent=True),
        data_dir=stored_data_dir,
    shell:
        "{params.job} --data {params.data:q}"
        " --run-dir {params.run_dir:q} --threads {threads} {params.data_dir} 2> >(tee {log:q} >&2)"


rule measure_images:
    input:
        predictions=f"{PATHS.run_dir('{image_run}')}/predictions.json",
        training=f"{PATHS.run_dir('{image_run}')}/training.json",
        summary=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/summary.json",
        images=lambda wildcards: f"{PATHS.images_dir(image_run_of(wildcards).task)}/images.npz",
        teacher=teacher_predictions_of,
        claims=CLAIMS,
    output:
        record=PATHS.record("{image_run}"),
        examples=f"{PATHS.run_dir('{image_run}')}/examples.npz",
        provenance=f"{PATHS.run_dir('{image_run}')}/provenance.json",
    log:
        PATHS.log("measure-images/{image_run}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=lambda wildcards: job(
            "measure-images", image_settings.image_measuring_settings(config, EXPERIMENTS, image_run_of(wildcards))
        ),
        data=subpath(input.summary, parent=True),
        run_dir=subpath(output.record, parent=True),
        teacher=teacher_folder,
    shell:
        "{params.job} --data {params.data:q}"
        " --run-dir {params.run_dir:q} --claims {input.claims:q} {params.teacher} 2> >(tee {log:q} >&2)"
