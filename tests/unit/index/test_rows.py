"""What a row of the index is made from: paths that stay apart, and hashes of what matters alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexjob.index import MAX_PATH_BYTES, File, display_path, imports_digest
from indexjob.index.rows import manifest_hash


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300))
def test_a_path_in_utf8_is_shown_as_it_is(path: str) -> None:
    if len(path.encode()) <= MAX_PATH_BYTES:
        assert display_path(path.encode()) == path


@given(st.sets(st.binary(max_size=2 * MAX_PATH_BYTES), max_size=8))
def test_paths_stay_apart_and_fit(paths: set[bytes]) -> None:
    shown = {display_path(path) for path in paths}
    assert len(shown) == len(paths)
    assert all(len(path.encode()) <= MAX_PATH_BYTES for path in shown)


def test_paths_that_git_alone_knows() -> None:
    assert display_path(b"src/logo\xff.png").startswith("src/logo\ufffd.png~")
    assert display_path(b"a\xff") != display_path(b"a\xfe")
    assert display_path(b"a" * 1001) != display_path(b"a" * 1002)


def test_a_manifest_is_what_is_in_it() -> None:
    a, b = File("a", b"a", "ok", 1, 10), File("b", b"b", "binary", None, 10)
    others = [
        [a],
        [a, b._replace(status="excluded")],
        [a._replace(content_id=2), b],
        [a, b._replace(size=11)],
        [a._replace(vendored=True), b],
        [a._replace(path="c", path_raw=b"c"), b],
    ]
    assert len({manifest_hash(files) for files in [[a, b], *others]}) == 1 + len(others)


def test_imports_are_the_same_wherever_they_stand() -> None:
    here = [(0, "from", "a", "b", None, 1), (1, "import", "os", None, None, 2)]
    there = [(0, "import", "os", None, "o", 7), (1, "from", "a", "b", None, 9), (2, "import", "os", None, None, 11)]
    assert imports_digest(here) == imports_digest(there)
    assert (
        len(
            {
                imports_digest(rows)
                for rows in ([], here, here[:1], here[1:], [(0, "from", "a", None, None, 1), here[1]])
            }
        )
        == 5
    )
