"""Compiled pooling loops for the CPU, from arrays of planes to arrays of planes. They need only numpy and numba."""
