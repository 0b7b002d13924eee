"""What file formats are, and nothing else: media, archives, tables, transcripts."""
