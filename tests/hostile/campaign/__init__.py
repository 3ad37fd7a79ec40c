"""The campaign of ``scripts/attack``: attacks on a running service, and what they cost everybody else."""
