"""The forecast of the scale, printed: a target of its own, which no other needs."""


localrules:
    forecast,


rule forecast:
    log:
        PATHS.log("forecast"),
    conda:
        "../../envs/train.yaml"
    params:
        job=job("forecast"),
        workflow=os.path.relpath(WORKFLOW),
    shell:
        "{params.job} --workflow {params.workflow:q} 2>&1 | tee {log:q}"
