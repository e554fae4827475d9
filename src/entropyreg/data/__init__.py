"""Corpora: embedded or in a local folder, split, cleaned, tokenised and cut into subwords (no torch, no fairseq)."""
