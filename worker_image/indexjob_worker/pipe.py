"""The frames on the socket between the worker and an extraction child."""

import struct
from typing import Final

from indexjob_worker.languages import LANGUAGES

STEPS: Final = ("parse", "symbols", "references")
HELLO: Final = b"!"
"""A child's first byte: it is confined and ready."""
JOB: Final = struct.Struct("<IB")
"""In front of a file's bytes: how many, and the language's number."""
ANSWER: Final = struct.Struct("<I3f")
"""In front of an extraction: its bytes; the seconds of parsing, of symbols and imports, of references."""
BY_NUMBER: Final = tuple(LANGUAGES.values())
NUMBERS: Final = {language.name: number for number, language in enumerate(BY_NUMBER)}
"""How a language is called on the socket."""
