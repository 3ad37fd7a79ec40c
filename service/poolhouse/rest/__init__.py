"""The HTTP face: the only room that knows FastAPI, Starlette and uvicorn."""
