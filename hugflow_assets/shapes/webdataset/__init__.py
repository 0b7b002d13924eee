"""Tar archives whose members belong together by key."""
