"""Artefacts: collect the records of one, render it. Each has a rule of its name, a module and a caption."""


localrules:
    collect_artefact,


rule collect_artefact:
    input:
        records=records_of,
        claims=CLAIMS,
    output:
        PATHS.table("{artefact}"),
    log:
        PATHS.log("collect/{artefact}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=lambda wildcards: job(
            "collect", narrow.collecting_settings(config, EXPERIMENTS, EXPERIMENTS.artefacts[wildcards.artefact])
        ),
        runs=f"{PATHS.results}/runs",
        present=present_records,
    shell:
        "{params.job} --runs {params.runs:q} --out {output:q}" " --claims {input.claims:q} 2> >(tee {log:q} >&2)"


for name, artefact in EXPERIMENTS.artefacts.items():

    rule:
        name:
            name
        input:
            table=PATHS.table(name),
        output:
            for_report(name),
        log:
            PATHS.log(f"render/{name}"),
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            name=name,
            code=code_digest("render", {"artefact": name}),
            out=subpath(output[0], parent=True),
        shell:
            "python -m entropyreg render {params.name} --code {params.code} --table {input.table:q} --out {params.out:q}"
            " 2> >(tee {log:q} >&2)"
