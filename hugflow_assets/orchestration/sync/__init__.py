"""`hugflow sync`: here, or through a running daemon."""
