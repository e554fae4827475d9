"""Says what is adopted; then compares outputs without a Snakemake record, or older than their inputs, by their origins."""

from entropyreg.provenance import adoption

if workflow.is_main_process:
    if config["adopt"]:
        ADOPTION.tell(len(EXPERIMENTS.runs) + len(EXPERIMENTS.image_runs))
    elif not workflow.dryrun:  # nothing that is made from now on reads committed records
        adoption.forget_adopted(PATHS.results)
    adoption.tell(adoption.adopt((PATHS.results, PATHS.figures), planned, is_output))
