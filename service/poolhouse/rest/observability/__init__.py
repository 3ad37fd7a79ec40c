"""Metrics, request logs and traces. A new metric is declared in ``metric_families``."""
