"""A snippet in, a readable outline out.

When an outline should change, write them all again and read the diff: `python -m tests.unit.languages.test_golden`.
"""

from pathlib import Path

import pytest

from indexjob_worker.extraction import extract
from indexjob_worker.languages import LANGUAGES, language_of
from tests.unit.languages.outline import outline

GOLDEN = Path(__file__).parents[2] / "golden"
SNIPPETS = sorted(path for name in LANGUAGES for path in (GOLDEN / name).iterdir() if path.suffix != ".outline")


def read(snippet: Path) -> str:
    language = language_of(snippet.name)
    assert language is LANGUAGES[snippet.parent.name]
    return outline(extract(snippet.read_bytes(), language))


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_outline(snippet: Path) -> None:
    assert read(snippet) == snippet.with_suffix(".outline").read_text("utf-8")


def test_each_language_has_snippets_and_no_outline_is_left_over() -> None:
    assert {path.parent.name for path in SNIPPETS} == set(LANGUAGES)
    assert {path.with_suffix(".outline") for path in SNIPPETS} == set(GOLDEN.glob("*/*.outline"))


if __name__ == "__main__":
    for one in SNIPPETS:
        one.with_suffix(".outline").write_text(read(one), "utf-8")
