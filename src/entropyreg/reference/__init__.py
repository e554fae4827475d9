"""Committed results of a scale: to read before running anything, to redraw, and to compare retrained numbers with.

`results/reference/<scale>/` has the collected tables, records and ledger, `paper_figures/reference/<scale>/` what is
drawn from them; `SHA256SUMS` in the first lists all files of both. No rule of the workflow writes or reads them.
"""
