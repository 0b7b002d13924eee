"""Readers of audio headers, a module a family of formats; ``audio_headers`` chooses among them by the first bytes."""
