"""Texts that lie beside clips: in files of their own, in lists, in archives."""
