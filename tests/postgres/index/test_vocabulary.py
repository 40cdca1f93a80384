"""The worker and the database have one vocabulary: a kind that only one of them knows would cost a whole batch."""

from __future__ import annotations

import pytest

from indexjob_worker import model


@pytest.mark.parametrize(
    ("enum", "words"),
    [
        ("symbol_kind", model.SYMBOL_KINDS),
        ("reference_kind", model.REFERENCE_KINDS),
        ("import_kind", model.IMPORT_KINDS),
        ("file_status", model.FILE_STATUSES),
        ("dependency_kind", model.DEPENDENCY_KINDS),
    ],
)
def test_one_vocabulary(admin, enum: str, words: tuple[str, ...]) -> None:
    rows = admin.execute(f"SELECT unnest(enum_range(NULL::indexjob.{enum}))::text")
    assert {row[0] for row in rows} == set(words)


def test_the_longest_names_fit_into_the_indexes(admin, launch, worker, source) -> None:
    """4 bytes a character, and nothing in them that could be compressed."""
    from random import Random

    random = Random(1)
    name = "".join(chr(random.randrange(0x10000, 0x10FFFF)) for _ in range(model.MAX_NAME))
    path = "".join(chr(random.randrange(0x10000, 0x10FFFF)) for _ in range(250))
    long = source(path, (name,), (name,), (name * 2,))
    worker.publish(launch, "c", long, dependencies=((path, path, name * 2, "internal"),))
    assert admin.execute("SELECT octet_length(name) FROM indexjob.symbol").fetchone()[0] == 4 * model.MAX_NAME
