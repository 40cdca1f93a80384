"""Whatever parts a list comes in, its objects are those that JSON has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexjob_operator.list_reader import ListReader

OBJECTS = st.lists(
    st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.text()) | st.just({"items": [1]})), max_size=20
)


@pytest.mark.parametrize("blanks", [(",", ":"), (", ", ": ")])
@given(OBJECTS, st.lists(st.integers(1, 60), max_size=40), st.booleans(), st.booleans())
def test_the_objects_of_a_list(
    blanks: tuple[str, str], items: list[dict[str, Any]], lengths: list[int], ascii_only: bool, metadata_first: bool
) -> None:
    metadata = {"metadata": {"continue": "more"}}
    whole = (metadata if metadata_first else {}) | {"items": items} | metadata
    rest = json.dumps(whole, separators=blanks, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    reader, found = ListReader(), []
    for length in lengths:
        part, rest = rest[:length], rest[length:]
        found += reader.read(part)
    found += reader.read(rest)
    end = reader.end()
    assert found + end["items"] == items
    assert end["metadata"] == metadata["metadata"]


def test_an_object_is_given_with_the_part_that_makes_it_whole() -> None:
    reader = ListReader()
    assert reader.read(b'{"metadata":{},"items":[{"a":1},{"a"') == [{"a": 1}]
    assert reader.read(b":2},") == [{"a": 2}]
    assert reader.read(b'{"a":3}]}') == [{"a": 3}]
    assert reader.end() == {"metadata": {}, "items": []}


@pytest.mark.parametrize(
    "text", [b'{"items":[{"a":1},{"a":', b'{"items":[{"a":1}', b"no JSON", b"", b'{"items":[{"a":"\xc3']
)
def test_what_broke_off_is_an_error(text: bytes) -> None:
    reader = ListReader()
    reader.read(text)
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong with JSON is said by its library
        reader.end()
