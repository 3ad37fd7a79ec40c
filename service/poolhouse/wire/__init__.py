"""Bodies to messages and back: media types and bytes; no socket, no torch, no web framework."""
