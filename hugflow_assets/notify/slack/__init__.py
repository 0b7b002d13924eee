"""Slack: its messages and their delivery."""
