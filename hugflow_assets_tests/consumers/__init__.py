"""Other toolkits' own readers on what landed; ``make consumers`` runs them in an environment of their own."""
