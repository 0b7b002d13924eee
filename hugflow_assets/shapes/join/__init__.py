"""Which clip a row of a table means: one decision for every shape."""
