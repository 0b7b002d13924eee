"""Views for tools, derived from the record."""
