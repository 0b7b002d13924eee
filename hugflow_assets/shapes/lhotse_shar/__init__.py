"""Lhotse Shar: a list of cuts beside tars of what belongs to them, number by number."""
