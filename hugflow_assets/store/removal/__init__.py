"""What goes: datasets into the trash, and leftovers away."""
