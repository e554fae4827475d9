"""Measures a run from its predictions."""
