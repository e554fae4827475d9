"""Outputs that Snakemake does not remember, or finds older than their inputs: compared by their origins, after all rules."""

from entropyreg.provenance import adoption

if workflow.is_main_process:
    adoption.tell(adoption.adopt((PATHS.results, PATHS.figures), planned, is_output))
