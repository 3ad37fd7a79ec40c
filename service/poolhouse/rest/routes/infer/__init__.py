"""Inference requests of the Open Inference Protocol: ``POST /v2/models/{model}/infer``."""
