"""What a scale will cost before it is run: hours, bytes and money, from counted operations and declared devices.

Light modules: nothing here loads torch or fairseq, but for `calibration`, which times this machine when it is asked to.
"""
