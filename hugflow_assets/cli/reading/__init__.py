"""Commands that bring a landed dataset into use."""
