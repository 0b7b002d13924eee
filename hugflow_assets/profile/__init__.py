"""What is in a landed dataset: hours, durations, sampling rates and text, as numbers."""

from hugflow_assets.profile.measure import AudioProfile, Profile, Spread, TextProfile, count_texts, measure

__all__ = ["AudioProfile", "Profile", "Spread", "TextProfile", "count_texts", "measure"]
