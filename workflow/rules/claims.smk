"""Claims: evaluate every declared claim from the collected tables and the records, into one ledger."""

from entropyreg.claims.artefacts import READ as READ_BY_CLAIMS

ROLES = os.path.relpath(WORKFLOW / "experiments" / "roles.yaml")
JUDGING = [
    *("claims/*.py", "claims/quantities/*.py", "results/pairs.py", "results/image_comparisons.py"),
    *("measures/significance.py", "measures/contrast.py", "measures/multiple_tests.py", "measures/bleu_statistics.py"),
    *("measures/calibration.py", "measures/rank_correlation.py", "measures/explained_variance.py"),
    *("measures/bernoulli_divergence.py", "regularizers/equilibrium.py"),
]


localrules:
    ledger,
    judge_claims,


rule ledger:
    input:
        PATHS.ledger(),


rule judge_claims:
    input:
        tables=[PATHS.table(name) for name in READ_BY_CLAIMS if name in EXPERIMENTS.artefacts],
        claims=CLAIMS,
        roles=ROLES,
    output:
        PATHS.ledger(),
    log:
        PATHS.log("judge"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("judge", {"scale": config["scale"], "scale_note": config["scale_note"]}),
        tables=lambda wildcards, input: os.path.dirname(input.tables[0]),
        runs=f"{PATHS.results}/runs",
    shell:
        "{params.job} --tables {params.tables:q} --runs {params.runs:q}"
        " --claims {input.claims:q} --out {output:q} 2> >(tee {log:q} >&2)"
