"""The HTTP server: the only package that imports FastAPI, Starlette and uvicorn."""
