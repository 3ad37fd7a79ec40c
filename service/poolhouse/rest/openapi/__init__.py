"""The OpenAPI document: FastAPI's part, completed with the operators and the problem documents."""
