"""Artefacts: collect the records of one, render it. Each has a rule of its name, a module and a caption."""


localrules:
    collect_artefact,


rule collect_artefact:
    input:
        records=records_of,
        claims=CLAIMS,
        modules=collecting_modules,
    output:
        PATHS.table("{artefact}"),
    log:
        PATHS.log("collect/{artefact}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        settings=lambda wildcards: as_json(
            narrow.collecting_settings(config, EXPERIMENTS, EXPERIMENTS.artefacts[wildcards.artefact])
        ),
        runs=f"{PATHS.results}/runs",
        present=present_records,
    shell:
        "python -m entropyreg collect --settings {params.settings:q} --runs {params.runs:q} --out {output:q}"
        " --claims {input.claims:q} 2> >(tee {log:q} >&2)"


for name, artefact in EXPERIMENTS.artefacts.items():

    rule:
        name:
            name
        input:
            table=PATHS.table(name),
            modules=modules(*RENDERING[artefact.kind], f"{artefact.kind}s/{name}.py"),
        output:
            for_report(name),
        log:
            PATHS.log(f"render/{name}"),
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            name=name,
            out=subpath(output[0], parent=True),
        shell:
            "python -m entropyreg render {params.name} --table {input.table:q} --out {params.out:q}"
            " 2> >(tee {log:q} >&2)"
