"""Compares, after all rules, outputs without a Snakemake record or older than their inputs by their origins."""

from entropyreg.provenance import adoption

if workflow.is_main_process:
    adoption.tell(adoption.adopt((PATHS.results, PATHS.figures), planned, is_output))
