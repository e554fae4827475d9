"""Artefacts: collect the records of one, render it. Each has a rule of its name, a module and a caption."""

REFERENCE = os.path.relpath(ROOT / "results" / "reference" / config["scale"])


localrules:
    adopt_records,
    collect_artefact,


# Committed records are read where they lie: as outputs of a rule they would be made again, since what they were made
# from is absent.
rule adopt_records:
    input:
        f"{REFERENCE}/SHA256SUMS",
    output:
        out=PATHS.adopted(),
        origin=origin_path(PATHS.adopted()),
    log:
        PATHS.log("adopt"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("adopt"),
        reference=subpath(input[0], parent=True),
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --reference {params.reference:q} --out {output.out:q}"
        " 2> >(tee {log:q} >&2)"


rule collect_artefact:
    input:
        records_of,
        adopted_list,
    output:
        out=PATHS.table("{artefact}"),
        origin=origin_path(PATHS.table("{artefact}")),
    log:
        PATHS.log("collect/{artefact}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("collect"),
        runs=f"{PATHS.results}/runs",
        present=present_records,
        state=present_state,
        adopted=adopted_option,
    shell:
        "{params.job} --inputs {input:q} {params.present:q} --outputs {output:q} --runs {params.runs:q} {params.adopted}"
        " --out {output.out:q} 2> >(tee {log:q} >&2)"


for name in EXPERIMENTS.elsewhere:

    rule:
        name:
            name
        input:
            absent(name),


for name, artefact in EXPERIMENTS.artefacts.items():

    rule:
        name:
            name
        input:
            table=PATHS.table(name),
        output:
            for_report(name),
            origin_path(PATHS.rendered(name)[0]),
        log:
            PATHS.log(f"render/{name}"),
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            job=job("render", artefact=name),
            out=subpath(output[0], parent=True),
        shell:
            "{params.job} --inputs {input:q} --outputs {output:q} --table {input.table:q} --out {params.out:q}"
            " 2> >(tee {log:q} >&2)"
