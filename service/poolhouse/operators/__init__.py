"""The operators, one class for each family, and their catalogue. They use torch, but neither HTTP nor queues."""
