"""Several poolings in one request: their list, their plan, and how they run."""
