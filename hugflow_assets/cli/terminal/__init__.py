"""What every command writes through: a terminal, a pipe, a workflow log."""
