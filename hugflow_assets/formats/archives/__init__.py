"""Archives: their members, their parts, and what links inside them mean."""
