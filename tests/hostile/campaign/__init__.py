"""The campaign of ``scripts/attack``: attacks on a running service, and their effect on other clients."""
