"""Which packages of a module import which is what `go list` says."""

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path, PurePosixPath

from tests.peers.conftest import dependencies


def test_the_same_imports_as_go_list(goroot: Path) -> None:
    """On Go's own commands, which are a module of many packages; files that Go leaves out of a build are left out here."""
    root = goroot / "src" / "cmd"
    environment = os.environ | {"GOFLAGS": "-mod=vendor", "GOWORK": "off", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        ["go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "./go/...", "./internal/..."],
        cwd=root, capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    packages = [json.loads(one + "}") for one in done.stdout.split("\n}\n") if one.strip()]
    built = {
        f"cmd/{PurePosixPath(package['Dir']).relative_to(root.as_posix())}/{name}": package["ImportPath"]
        for package in packages
        for name in package.get("GoFiles", ())
    }
    inside = {package["ImportPath"] for package in packages}
    theirs = {
        (package["ImportPath"], other)
        for package in packages
        for other in package.get("Imports", ())
        if other in inside
    }
    package_of = {str(PurePosixPath(path).parent): name for path, name in built.items()}
    ours: set[tuple[str, str]] = set()
    external: dict[str, set[str]] = defaultdict(set)
    for one in dependencies(root.parent, root, but={"vendor"}):
        if one.src_path not in built:
            continue
        importer = built[one.src_path]
        if one.dst_path is None:
            external[importer].add(one.spec)
        elif (target := package_of.get(str(PurePosixPath(one.dst_path).parent))) in inside:
            assert target
            ours.add((importer, target))
    assert len(theirs) > 300
    assert ours - theirs == set()
    assert theirs - ours == set()
    for package in packages:
        vendored = {name.removeprefix("cmd/vendor/") for name in package.get("Imports", ())}
        outside = {name for name in vendored if not name.startswith("cmd/")}
        assert {spec for spec in external[package["ImportPath"]] if not spec.startswith("cmd/")} == outside
