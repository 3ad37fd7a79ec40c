"""Codecs between bodies and messages: media types and bytes; no socket, no torch, no web framework."""
