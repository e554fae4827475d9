"""The built-in kinds of regularizers, a file each; named points of a family are in its file."""
