"""What a resolver is given and what it says."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from indexjob_worker.model import DependencyKind, Import

ANSWERS_KEPT: Final = 2_000
"""Of a resolver, for those that import the same: mostly files of one directory, which come one after the other."""


class Paths(Protocol):
    """The paths of one commit, however they are kept: there may be a million."""

    def __contains__(self, path: object) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def may_be_directory(self, path: str) -> bool:
        """False: no file is below it. True may be wrong, and costs only further questions."""

    def in_directory(self, directory: str) -> list[str]:
        """Those right in it ('' is the top), sorted."""


class Tree:
    """The paths of one commit, and the bytes of its manifests by path, in the order of the paths."""

    def __init__(self, paths: Paths, manifests: Mapping[str, bytes]) -> None:
        self.paths = paths
        self.manifests = manifests

    def manifests_named(self, name: str) -> Iterator[tuple[str, str]]:
        """Of each manifest of that name its directory ('' is the top) and its text."""
        for path in self.manifests:
            if posixpath.basename(path) == name:
                yield posixpath.dirname(path), self.manifests[path].decode("utf-8", "replace")


class Target(NamedTuple):
    """Where an import leads: to these files (if internal), or to none of ours."""

    kind: DependencyKind
    paths: tuple[str, ...] = ()


Resolve = Callable[[str, Import], Target]
"""The directory of the file that imports, and its import."""

EXTERNAL = Target("external")
UNRESOLVED = Target("unresolved")


def internal(*paths: str) -> Target:
    """These files of the commit."""
    return Target("internal", paths)


def below(directory: str, path: str) -> str | None:
    """A path seen from a directory, dots taken out; None if it leads out of the commit. The top is ''."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    if joined == "." or not path:
        return directory if not path else ""
    return None if joined == ".." or joined.startswith(("../", "/")) else joined
