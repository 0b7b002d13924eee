"""How a repository lies: one place a shape, with its recogniser, its planner and its reader."""
