"""The ``hugflow`` command: thin, over the same functions that the rest of the project uses."""

from hugflow_assets.cli.main import app, main

__all__ = ["app", "main"]
