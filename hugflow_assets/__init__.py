"""Hugflow: a small YAML request becomes a verified Hugging Face dataset on shared storage."""

__version__ = "0.1.0"
