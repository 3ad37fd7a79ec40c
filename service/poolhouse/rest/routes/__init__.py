"""The routes, one module each; a new one is a router here, included in ``rest/app.py``."""
