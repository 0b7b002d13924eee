"""Tables that name clips, in archives or as files of the repository."""
