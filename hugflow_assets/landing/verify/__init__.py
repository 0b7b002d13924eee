"""Whether what lies on the disk is what was landed."""
