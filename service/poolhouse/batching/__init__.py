"""Queues, batches and devices: pure decisions (policy, fair_queue, memory) and the engine that carries them out."""
