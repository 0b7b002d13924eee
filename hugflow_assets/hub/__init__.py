"""What the Hub holds: resolve a request, find its shape, fetch and verify a file."""
