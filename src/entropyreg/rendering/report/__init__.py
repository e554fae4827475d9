"""The report of a scale: one self-contained page with verdicts, every artefact, its provenance and all records."""
