"""Requests and responses of the Open Inference Protocol: a JSON part, and tensors as raw bytes behind it."""
