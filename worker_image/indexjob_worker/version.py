"""The extractor's version, by itself: `clone` compares it, and has no use for anything that extraction is made of."""

from typing import Final

EXTRACTOR_VERSION: Final = 4
"""Part of the key under which an extraction is kept: raise it whenever the same bytes give another extraction."""
