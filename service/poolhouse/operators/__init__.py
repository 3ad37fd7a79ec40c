"""The catalogue: one class an operator. Knows torch; knows no HTTP and no queue."""
