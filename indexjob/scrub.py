"""Takes credentials out of whatever is about to be written down: log lines, messages, tracebacks.

Two nets: the very values that this process was given, and the shapes in which credentials usually travel.
"""

import base64
import re
from urllib.parse import quote

MASK = "***"
SHORTEST_SECRET = 4
"""Shorter values are no secrets, and masking them would shred every sentence."""

_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
_HEADER = re.compile(r"(?i)(authorization\s*:\s*(?:basic|bearer|token)?\s*)[^\s'\"]+")
_PASSWORD = re.compile(r"(?i)\b(password|passwd|token|secret)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;'\"&]+)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")


class Scrubber:
    """Knows the secrets of this process; a pure function of text otherwise."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn(self, *secrets: str) -> None:
        """Mask these values, and the spellings that they take in URLs and headers, from now on."""
        for secret in secrets:
            if len(secret) < SHORTEST_SECRET:
                continue
            self._secrets |= {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}
            self._secrets |= {line for line in secret.splitlines() if len(line) > 3 * SHORTEST_SECRET}

    def __call__(self, text: str) -> str:
        """The text without credentials."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        text = _USERINFO.sub(f"{MASK}@", text)
        text = _HEADER.sub(rf"\1{MASK}", text)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        return _PASSWORD.sub(rf"\1\2{MASK}", text)
