"""Choose devices, transfer planes to them and back, and pool batches with torch or compiled kernels."""
