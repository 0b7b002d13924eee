"""From a request and what is landed to what would land."""
