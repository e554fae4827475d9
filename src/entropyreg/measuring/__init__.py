"""Measures of a run, made from its predictions."""
