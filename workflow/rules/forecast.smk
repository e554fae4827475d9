"""The forecast of the scale, printed: a target of its own, which no other needs."""


localrules:
    forecast,


rule forecast:
    log:
        PATHS.log("forecast"),
    conda:
        "../../envs/workflow.yaml"
    params:
        settings=as_json(config),
        workflow=os.path.relpath(WORKFLOW),
    shell:
        "python -m entropyreg forecast --settings {params.settings:q} --workflow {params.workflow:q} 2>&1 | tee {log:q}"
