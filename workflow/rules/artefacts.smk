"""Artefacts: collect the records of one, render it. One rule, one module, one caption each."""


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


COLLECTED = ("tables/collected.py", "tables/formats.py")
TABLE = (*COLLECTED, "tables/__init__.py", "tables/aggregate.py", "results/published.py", "results/published/*.yaml")
FIGURE = (*COLLECTED, "figures/__init__.py", "figures/style.py", "figures/saving.py", "figures/labels.py")


rule a_table_translation:
    input:
        table=PATHS.table("a_table_translation"),
        modules=modules(*TABLE, "tables/a_table_translation.py"),
    output:
        report(PATHS.rendered("a_table_translation"), caption="../report/a_table_translation.rst", category="Paper A"),
    log:
        PATHS.log("render/a_table_translation"),
    conda:
        "../../envs/analysis.yaml"
    params:
        out=subpath(output[0], parent=True),
    shell:
        "python -m entropyreg render a_table_translation --table {input.table:q} --out {params.out:q}"
        " 2> >(tee {log:q} >&2)"


rule a_figure_entropy_bleu:
    input:
        table=PATHS.table("a_figure_entropy_bleu"),
        modules=modules(*FIGURE, "figures/a_figure_entropy_bleu.py"),
    output:
        report(
            PATHS.rendered("a_figure_entropy_bleu"), caption="../report/a_figure_entropy_bleu.rst", category="Paper A"
        ),
    log:
        PATHS.log("render/a_figure_entropy_bleu"),
    conda:
        "../../envs/analysis.yaml"
    params:
        out=subpath(output[0], parent=True),
    shell:
        "python -m entropyreg render a_figure_entropy_bleu --table {input.table:q} --out {params.out:q}"
        " 2> >(tee {log:q} >&2)"
