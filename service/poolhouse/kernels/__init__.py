"""Compiled pooling loops for the CPU: planes in, planes out. numpy and numba alone."""
