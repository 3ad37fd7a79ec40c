"""Send a request and receive its response: over sockets, through httpx, or to an application in this process."""
