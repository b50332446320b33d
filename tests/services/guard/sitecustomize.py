"""Loaded by every Python process that a test starts (its directory is in their PYTHONPATH): guards them, too."""

from loopback import install

install()
