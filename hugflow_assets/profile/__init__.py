"""What is in a landed dataset: hours, durations, sampling rates and text, as numbers."""

from hugflow_assets.profile.measure import AudioProfile, Profile, Spread, TextProfile, count_texts, measure
from hugflow_assets.profile.overlap import Shared, duplicates, leaks, overlap

__all__ = [
    "AudioProfile",
    "Profile",
    "Shared",
    "Spread",
    "TextProfile",
    "count_texts",
    "duplicates",
    "leaks",
    "measure",
    "overlap",
]
