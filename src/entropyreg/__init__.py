"""Reference replication of two papers on entropy regularization; the loss is in `entropyreg.regularizers`."""

__version__ = "0.1.0"
