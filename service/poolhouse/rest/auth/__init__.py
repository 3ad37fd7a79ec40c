"""API keys: who they let in, and what each may use."""
