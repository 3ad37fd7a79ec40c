"""Job, policy (pure: no clock, no loop) and engine (the thin asyncio shell)."""
