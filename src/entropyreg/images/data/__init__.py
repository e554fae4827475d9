"""Readers of image archives, the split into training and validation, and the prepared file that training reads."""
