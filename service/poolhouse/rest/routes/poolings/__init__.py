"""``POST /v1/pool``: several poolings of one input, or of several inputs."""
