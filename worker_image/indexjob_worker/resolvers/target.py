"""What a resolver is given and what it says."""

import posixpath
from collections.abc import Callable, Mapping
from typing import NamedTuple

from indexjob_worker.model import DependencyKind, Import


class Tree:
    """The paths of one commit, and the bytes of its manifests by path."""

    def __init__(self, paths: frozenset[str], manifests: Mapping[str, bytes]) -> None:
        self.paths = paths
        self.manifests = manifests

    def manifests_named(self, name: str) -> dict[str, str]:
        """The text of each manifest of that name, by its directory ('' is the top), sorted."""
        return {
            posixpath.dirname(path): data.decode("utf-8", "replace")
            for path, data in sorted(self.manifests.items())
            if posixpath.basename(path) == name
        }


class Target(NamedTuple):
    """Where an import leads: to these files (if internal), or to none of ours."""

    kind: DependencyKind
    paths: tuple[str, ...] = ()


Resolve = Callable[[str, Import], Target]
"""The file that imports, and its import."""

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
