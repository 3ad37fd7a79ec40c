"""Hostile requests of the Open Inference Protocol, by the part that is hostile."""
