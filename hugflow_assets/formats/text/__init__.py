"""Text as files hold it: encodings, delimited and JSON rows, columns and transcripts."""
