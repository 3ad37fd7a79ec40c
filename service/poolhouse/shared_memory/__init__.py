"""Shared memory regions that clients register, to pass tensors without sending them."""
