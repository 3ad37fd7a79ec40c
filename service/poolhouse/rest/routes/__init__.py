"""Groups of routes, a file each."""
