"""Artefacts: collect the records of one, render it. One rule, one module, one caption each."""


def records_of(wildcards):
    """The records of an artefact's own runs; with partial=true none is asked for, so nothing is trained."""
    if config["partial"]:
        return []
    return [PATHS.record(run) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]


def present_records(wildcards):
    """With partial=true: the records that exist and their state, so that a new one redraws the artefact."""
    if not config["partial"]:
        return ""
    records = [Path(PATHS.record(run)) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]
    return " ".join(f"{path}@{path.stat().st_mtime_ns}" for path in records if path.exists())


rule collect_artefact:
    input:
        records=records_of,
        claims=CLAIMS,
        modules=modules("results/collect.py", "regularizers/equilibrium.py"),
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


rule a_table_translation:
    input:
        table=PATHS.table("a_table_translation"),
        modules=modules("tables/*.py", "results/published.py", "results/published/*.yaml"),
    output:
        PATHS.rendered("a_table_translation"),
    log:
        PATHS.log("render/a_table_translation"),
    conda:
        "../../envs/analysis.yaml"
    params:
        out=PATHS.figures,
    shell:
        "python -m entropyreg render a_table_translation --table {input.table:q} --out {params.out:q}"
        " 2> >(tee {log:q} >&2)"


rule a_figure_entropy_bleu:
    input:
        table=PATHS.table("a_figure_entropy_bleu"),
        modules=modules("figures/style.py", "figures/saving.py", "figures/a_figure_entropy_bleu.py"),
    output:
        PATHS.rendered("a_figure_entropy_bleu"),
    log:
        PATHS.log("render/a_figure_entropy_bleu"),
    conda:
        "../../envs/analysis.yaml"
    params:
        out=PATHS.figures,
    shell:
        "python -m entropyreg render a_figure_entropy_bleu --table {input.table:q} --out {params.out:q}"
        " 2> >(tee {log:q} >&2)"
