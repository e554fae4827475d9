"""Forecasts a scale's cost before it is run: hours, bytes and money, from counted operations and declared devices.

Operations and parameters are counted on the models that are trained, called without values (`counting`), so a forecast
loads torch and, for text, fairseq; `blocks`, `state` and `machine`, which other commands use, load neither.
"""
