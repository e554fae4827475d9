"""The report: one self-contained page with the verdicts, every artefact, its provenance and all records."""


report: "../report/overview.rst"


localrules:
    report_page,


rule report_page:
    input:
        tables=[PATHS.table(name) for name in EXPERIMENTS.artefacts],
        rendered=[path for name in EXPERIMENTS.artefacts for path in PATHS.rendered(name)],
        ledger=PATHS.ledger(),
        captions=[os.path.relpath(WORKFLOW / "report" / f"{name}.rst") for name in EXPERIMENTS.artefacts],
        adopted=adopted_list,
    output:
        out=report(PATHS.report(), caption="../report/verdicts.rst", category="Verdicts"),
        origin=origin_path(PATHS.report()),
    log:
        PATHS.log("report"),
    conda:
        "../../envs/analysis.yaml"
    params:
        job=job("report"),
        results=subpath(input.ledger, parent=True),
        figures=subpath(output.out, parent=True),
        captions=lambda wildcards, input: os.path.dirname(input.captions[0]),
        adopted=adopted_option,
    shell:
        "{params.job} --inputs {input:q} --outputs {output:q} --results {params.results:q}"
        " {params.adopted} --figures {params.figures:q} --captions {params.captions:q} --out {output.out:q} 2> >(tee {log:q} >&2)"
