"""GitHub: its client, the comments and what is written when, and merging."""
