"""An extraction crosses the pipe unchanged, and a hostile child's bytes are refused, never believed."""

import random

import pytest

from indexjob_worker.model import NO_REFERENCES, Definition, Extraction, Import, Reference, References
from indexjob_worker.wire import MalformedExtractionError, decode, encode

EMPTY = Extraction("ok", 0, [], NO_REFERENCES, [])
ROWS = [Reference("call", "print", 3, 4, 1, None, 1), Reference("import", "b", 1, 0, None, 0, None)]
FULL = Extraction(
    "syntax_error",
    9,
    [
        Definition(0, None, "class", "Füchse", 1, 6, 9, "class Füchse", "", True),
        Definition(1, 0, "method", "läuft", 2, 8, 3, "def läuft(self)", "Says\nwhy.", False),
    ],
    References.of(ROWS),
    [Import(0, "from", "..a", "b", None, 1), Import(1, "import", "os", None, "o", 2)],
)


@pytest.mark.parametrize(
    "extraction", [EMPTY, FULL, FULL._replace(definitions=[], references=NO_REFERENCES, imports=FULL.imports)]
)
def test_round_trip(extraction: Extraction) -> None:
    if not extraction.definitions and extraction.imports:
        extraction = extraction._replace(references=NO_REFERENCES)
    assert decode(encode(extraction)) == extraction


@pytest.mark.parametrize(
    "bad",
    [
        FULL._replace(lines=2),
        FULL._replace(definitions=[FULL.definitions[1], FULL.definitions[0]]),
        FULL._replace(definitions=[FULL.definitions[0]._replace(parent_ord=0)]),
        FULL._replace(references=References.of([ROWS[0]._replace(enclosing_ord=2)])),
        FULL._replace(references=References.of([ROWS[0]._replace(import_ord=7)])),
        FULL._replace(references=References.of([ROWS[0]._replace(definition_ord=2)])),
        FULL._replace(references=References.of([ROWS[0]._replace(col=-1)])),
        FULL._replace(definitions=[FULL.definitions[0]._replace(name="a\0b")]),
        FULL._replace(status="sudo"),  # type: ignore[arg-type]
        FULL._replace(lines=10**12),
    ],
)
def test_what_cannot_be_is_refused(bad: Extraction) -> None:
    with pytest.raises(MalformedExtractionError):
        decode(encode(bad))


def test_any_damage_is_refused_or_harmless() -> None:
    """No bytes make the parent raise anything but MalformedExtractionError."""
    good, dice = encode(FULL), random.Random(7)
    for _ in range(3000):
        bad = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        del bad[dice.randrange(len(bad)) + dice.randrange(200) :]
        try:
            extraction = decode(bytes(bad))
        except MalformedExtractionError:
            continue
        assert all(d.parent_ord is None or d.parent_ord < d.ord for d in extraction.definitions)
