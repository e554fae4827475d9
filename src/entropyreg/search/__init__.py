"""Chooses a regularizer from finished runs: the published search, and matching an entropy.

Selection reads validation measures only.
"""
