"""Measures: pure functions of predictions, one measure a module. No torch, no fairseq."""
