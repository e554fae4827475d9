"""Compares runs: intervals, differences, and the verdicts on the claims."""
