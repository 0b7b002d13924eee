"""What is in a landed dataset: hours, durations, sampling rates and text, as numbers."""

from hugflow_assets.profile.figure import figure_png
from hugflow_assets.profile.measure import count_texts, measure
from hugflow_assets.profile.models import AudioProfile, Histogram, Profile, Speakers, Spread, TextProfile
from hugflow_assets.profile.overlap import Shared, duplicates, leaks, overlap

__all__ = [
    "AudioProfile",
    "Histogram",
    "Profile",
    "Shared",
    "Speakers",
    "Spread",
    "TextProfile",
    "count_texts",
    "duplicates",
    "figure_png",
    "leaks",
    "measure",
    "overlap",
]
