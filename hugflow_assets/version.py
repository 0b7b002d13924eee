"""The version, apart from what the package offers, so that every room can name it."""

__version__ = "0.1.0"
