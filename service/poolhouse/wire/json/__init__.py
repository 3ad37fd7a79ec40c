"""The JSON codec: compiled loops convert number lists and base64 to arrays; orjson parses everything else."""
