"""Claims: evaluate every declared claim from the collected tables and the records, into one ledger."""

ROLES = os.path.relpath(WORKFLOW / "experiments" / "roles.yaml")


localrules:
    ledger,
    judge_claims,


rule ledger:
    input:
        PATHS.ledger(),


rule judge_claims:
    input:
        tables=[PATHS.table(name) for name in READ_BY_CLAIMS if name in EXPERIMENTS.artefacts],
        roles=ROLES,
        adopted=adopted_list,
    output:
        out=PATHS.ledger(),
        origin=origin_path(PATHS.ledger()),
    log:
        PATHS.log("judge"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("judge"),
        tables=lambda wildcards, input: os.path.dirname(input.tables[0]),
        runs=f"{PATHS.results}/runs",
        claims=CLAIMS,
        adopted=adopted_option,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --tables {params.tables:q} --runs {params.runs:q} {params.adopted}"
        " --claims {params.claims:q} --out {output.out:q} 2> >(tee {log:q} >&2)"
