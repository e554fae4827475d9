"""Writes the report of a scale: one self-contained page with verdicts, artefacts, their provenance and all records."""
