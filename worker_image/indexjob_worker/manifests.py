"""Which files of a commit say how its imports are to be read. Apart from the resolvers, which are not needed before everything is extracted."""

from typing import Final

MANIFESTS: Final = frozenset({"package.json", "go.mod", "go.work", "pyproject.toml", "setup.cfg"})
NOT_OURS: Final = frozenset({"node_modules", "vendor"})


def is_manifest(path: str) -> bool:
    """Whether this file must be read before imports can be resolved."""
    name = path.rpartition("/")[2]
    if name not in MANIFESTS and not (
        name.endswith(".json") and ("tsconfig" in path or "jsconfig" in name or name == "base.json")
    ):
        return False
    return NOT_OURS.isdisjoint(path.split("/"))
