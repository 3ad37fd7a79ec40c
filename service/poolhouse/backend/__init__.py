"""Devices, staging and the worker: which device, bytes in and out, run a spec over planes."""
