"""HTTP/1.1 from the socket to a handler and back: one asyncio protocol, with httptools as its parser."""
