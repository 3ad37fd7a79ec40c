"""The OpenAPI document: what FastAPI makes of the routes, and the operators of the catalogue."""
