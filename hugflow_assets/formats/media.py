"""The one table of media: which endings are audio, image, video and the rest."""

from __future__ import annotations

AUDIO_ENDINGS = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".webm"})
