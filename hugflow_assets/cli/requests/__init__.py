"""The commands about request files: are they sound, what would they land, and how to write one."""
