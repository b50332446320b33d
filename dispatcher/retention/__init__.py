"""Forgetting: persons who are gone, alerts that are old, and whoever asks to be. And showing somebody what is kept."""
