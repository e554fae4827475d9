"""Measures: read a run's predictions, write its record; propose the next trial from records. No model is loaded."""


localrules:
    score_translation,  # seconds, as the next
    propose_trial,  # seconds, and the next trial of its search waits for it


rule measure_translation:
    input:
        predictions=predictions_of,
        training=f"{PATHS.run_dir('{run}')}/training.json",
        text=texts_of,
    output:
        record=PATHS.record("{run}"),
        measures=PATHS.measures("{run}"),
        projection=PATHS.projection("{run}"),
        blocks=PATHS.blocks("{run}"),
        provenance=f"{PATHS.run_dir('{run}')}/provenance.json",
        origin=origin_path(PATHS.record("{run}")),
    log:
        PATHS.log("measure/{run}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("measure"),
        run_dir=subpath(output.record, parent=True),
        text=lambda wildcards: PATHS.text_dir(run_of(wildcards).task),
        claims=CLAIMS,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --run-dir {params.run_dir:q}"
        " --text {params.text:q} --claims {params.claims:q} 2> >(tee {log:q} >&2)"


rule score_translation:
    input:
        predictions=lambda wildcards: predictions(run_of(wildcards), "valid"),
        training=f"{PATHS.run_dir('{run}')}/training.json",
        text=lambda wildcards: f"{PATHS.text_dir(run_of(wildcards).task)}/summary.json",
    output:
        PATHS.scores("{run}"),
        origin_path(PATHS.scores("{run}")),
    log:
        PATHS.log("score/{run}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("score"),
        run_dir=subpath(output[0], parent=True),
        text=subpath(input.text, parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --run-dir {params.run_dir:q} --text {params.text:q} 2> >(tee {log:q} >&2)"


rule propose_trial:
    input:
        scores=scores_read,
    output:
        out=PATHS.proposal("{series}/{trial}"),
        origin=origin_path(PATHS.proposal("{series}/{trial}")),
    log:
        PATHS.log("propose/{series}/{trial}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("propose"),
        runs=f"{PATHS.results}/runs",
        adopted=scores_option,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --runs {params.runs:q} {params.adopted} --out {output.out:q} 2> >(tee {log:q} >&2)"
