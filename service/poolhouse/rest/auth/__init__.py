"""API keys and their quotas. ``keys`` parses them, ``authorization`` checks requests, ``quotas`` limits them."""
