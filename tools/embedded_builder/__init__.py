"""Parts of `tools/build_embedded.py`, which rebuilds the embedded data sets from downloaded packages."""
