"""Folders of media files, with metadata or without."""
