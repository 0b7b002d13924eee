"""Rules about a landed dataset, and what they are given."""
