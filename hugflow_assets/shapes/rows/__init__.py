"""Tables and text, row by row."""
