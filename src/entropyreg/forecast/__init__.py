"""Forecasts a scale's cost before it is run: hours, bytes and money, from counted operations and declared devices.

Light modules: only `calibration`, which times this machine on request, loads torch and fairseq.
"""
