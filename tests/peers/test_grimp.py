"""The import graph of real Python packages is the one that grimp builds."""

import importlib.util
from pathlib import Path

import grimp
import pytest

from tests.peers.conftest import dependencies

PACKAGES = ["kopf", "psycopg", "pathspec", "grimp", "typer", "click", "rich", "pydantic", "indexjob", "indexjob_worker"]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_same_graph(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    graph = grimp.build_graph(package, include_external_packages=False, cache_dir=None)
    theirs = {(one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one)}
    theirs -= {(one, one) for one in graph.modules}  # that a file imports itself says nothing about others
    ours = {
        (_module(one.src_path), _module(one.dst_path))
        for one in dependencies(folder.parent, folder)
        if one.dst_path and one.dst_path.endswith(".py")
    }
    assert ours - theirs == set()
    assert theirs - ours == set()


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
