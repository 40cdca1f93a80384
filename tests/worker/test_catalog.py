"""What is known of a commit is found again, while hardly any of it is in memory."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from indexjob.index import BlobKey, Content
from indexjob_worker.catalog import AT_ONCE, Catalog, Found
from indexjob_worker.errors import CorruptRepositoryError
from indexjob_worker.git.objects import Marks
from indexjob_worker.model import FileStatus


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with closing(Catalog(tmp_path / "catalog.sqlite")) as made:
        yield made


def found(path: str, sha: str = "a", status: FileStatus | None = None, **more: bool) -> Found:
    return Found(path, path.encode(), sha, 10, status, None if status else "python", **more)


def content(number: int) -> Content:
    return Content(number, "ok", 3, b"digest")


def test_a_content_is_asked_for_once_and_known_by_all_its_files(catalog: Catalog) -> None:
    catalog.add([found("a.py"), found("b.py", "b"), found("c.py"), found("x.sh", "x", "unsupported")])
    assert list(catalog.unknown()) == [[BlobKey("a", "python"), BlobKey("b", "python")]]
    assert catalog.count_unknown() == {"python": 2}
    catalog.keep({BlobKey("a", "python"): content(7)})
    catalog.lose(BlobKey("b", "python"), "timeout")
    assert list(catalog.unknown()) == []
    assert [(one.path, one.status, one.content_id) for one in catalog] == [
        ("a.py", "ok", 7), ("b.py", "timeout", None), ("c.py", "ok", 7), ("x.sh", "unsupported", None),
    ]  # fmt: skip
    assert list(catalog.extracted()) == [("a.py", "python", 7), ("c.py", "python", 7)]
    assert (len(catalog), catalog.wanted) == (4, 3)


def test_what_is_known_meanwhile_hides_nothing_that_is_not(catalog: Catalog) -> None:
    count = 2 * AT_ONCE + 1
    catalog.add([found(f"{n}.py", str(n)) for n in range(count)])
    seen = []
    for keys in catalog.unknown():
        seen += keys
        catalog.keep({key: content(int(key.blob_sha)) for key in keys[::2]})
    assert [key.blob_sha for key in seen] == [str(n) for n in range(count)]
    assert sum(len(keys) for keys in catalog.unknown()) == count // 2


def test_a_path_is_there_as_it_is_written(catalog: Catalog) -> None:
    catalog.add(
        [found("a/b.py"), found("a/link", "l", "symlink"), found("top.py"), found("a/c.sh", "c", "unsupported")]
    )
    paths = catalog.paths()
    asked = ["a/b.py", "top.py", "a/c.sh", "a/link", "/top.py", "a//b.py", "b.py", "a", "", "a/b.py/", "\ud800/b.py"]
    assert [path for path in asked if path in paths] == ["a/b.py", "top.py", "a/c.sh"]
    assert list(paths) == ["a/b.py", "top.py", "a/c.sh"]
    assert paths.in_directory("a") == ["a/b.py", "a/c.sh"]
    assert paths.in_directory("") == ["top.py"]
    assert [paths.number(path) for path in ("a/b.py", "top.py")] == [1, 3]


def test_half_a_surrogate_pair_is_no_path_even_if_its_hash_is_one_s(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexjob_worker.catalog.FILTER_BITS", 8)
    catalog.add([found(f"{n}.py", is_manifest=True) for n in range(100)])
    paths, manifests = catalog.paths(), catalog.manifests()
    assert all(f"\ud800{n}" not in paths and f"\ud800{n}" not in manifests for n in range(10))


def test_git_s_own_bytes_and_marks(catalog: Catalog) -> None:
    odd = Found("p\ufffd~1.py", b"p\xff.py", "a", 1, None, "python")
    catalog.add([odd, found("b.py"), found("c.py")])
    assert list(catalog.wanted_paths()) == [(1, b"p\xff.py"), (2, b"b.py"), (3, b"c.py")]
    catalog.mark([(1, Marks(True, None)), (2, Marks()), (3, Marks(None, False))])
    assert [(one.path_raw, one.marks) for one in catalog] == [
        (b"p\xff.py", Marks(True, None)), (b"b.py", Marks()), (b"c.py", Marks(None, False)),
    ]  # fmt: skip


def test_manifests_and_dependencies(catalog: Catalog) -> None:
    catalog.add(
        [found("go.mod", "m", "unsupported", is_manifest=True), found("x/go.mod", "n", "unsupported", is_manifest=True)]
    )
    assert list(catalog.unread_manifests()) == [(1, "m"), (2, "n")]
    catalog.read(2, b"module x")
    assert dict(catalog.manifests()) == {"x/go.mod": b"module x"}
    assert "go.mod" not in catalog.manifests()
    catalog.need([(2, 1, "a", "internal"), (1, None, "os", "external")])
    assert list(catalog.dependencies()) == [("x/go.mod", "go.mod", "a", "internal"), ("go.mod", None, "os", "external")]


def test_whatever_is_above_a_file_may_be_a_directory(catalog: Catalog) -> None:
    catalog.add([found("a/b/c.py"), found("a/d/e/f.py"), found("g.py"), found("h/link", status="symlink")])
    paths = catalog.paths()
    assert all(map(paths.may_be_directory, ("a", "a/b", "a/d", "a/d/e")))
    assert not any(map(paths.may_be_directory, ("g.py", "a/b/c.py", "b", "h", "a/")))


def test_a_path_twice_is_the_repository_s_fault(catalog: Catalog) -> None:
    with pytest.raises(CorruptRepositoryError, match="twice"):
        catalog.add([found("a.py"), found("a.py", "b")])


def test_memory_holds_some_of_twenty_thousand_files(catalog: Catalog) -> None:
    tracemalloc.start()
    for at in range(0, 20_000, AT_ONCE):
        catalog.add([found(f"{n}/a.py", f"{n:040}") for n in range(at, at + AT_ONCE)])
    for keys in catalog.unknown():
        catalog.keep({key: content(int(key.blob_sha)) for key in keys})
    assert sum(one.content_id is not None for one in catalog) == 20_000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_000_000
