"""The Python client: one flow, driven by a blocking and by an asyncio client."""
