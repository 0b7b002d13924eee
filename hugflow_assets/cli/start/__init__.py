"""The commands that make a project ready and say how it is set up."""
