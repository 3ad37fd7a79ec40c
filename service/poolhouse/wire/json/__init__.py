"""JSON bodies: number lists and base64 go from text to array by compiled loops, everything else through orjson."""
