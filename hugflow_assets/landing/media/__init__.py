"""Media as files, under names that are safe and unique."""
