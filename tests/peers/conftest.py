"""Real code to read: npm's by a lock file, in the user's cache; pip's from this very environment; Go's own."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from indexjob_worker.extraction import extract
from indexjob_worker.languages import language_of
from indexjob_worker.manifests import is_manifest
from indexjob_worker.model import Dependency
from indexjob_worker.resolvers import ImportingFile, resolve
from tests.cluster.fixtures import without
from tests.cluster.machine.toolchain import only_one
from tests.trees import tree_of

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def npm() -> Path:
    """The `node_modules` that the lock file beside this one describes."""
    lock = HERE / "package-lock.json"
    folder = user_cache_path("indexjob") / "test-peers" / sha256(lock.read_bytes()).hexdigest()[:16]
    with only_one("npm"):  # the processes of one test run come here at once
        if not (folder / "installed").exists():
            _install(folder)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def site_packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="session")
def goroot() -> Path:
    if not shutil.which("go"):
        without("Go is not installed")
    return Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())


def _install(folder: Path) -> None:
    if not shutil.which("npm"):
        without("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        without(f"npm cannot bring its packages: {done.stderr.strip()[-300:]}")
    (folder / "installed").touch()


def sources(*folders: Path, but: Iterable[str] = ()) -> list[Path]:
    """The files below these folders that the worker reads."""
    left_out = {"testdata", "node_modules", "__pycache__", *but}
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and language_of(path.name) and left_out.isdisjoint(path.relative_to(folder).parts)
    )


def dependencies(root: Path, folder: Path, but: Iterable[str] = ()) -> list[Dependency]:
    """What the index says that the files of a folder need; their paths begin at `root`."""
    paths = {path.relative_to(root).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    importing = [
        ImportingFile(path.relative_to(root).as_posix(), language, extract(path.read_bytes(), language).imports)
        for path in sources(folder, but=but)
        if (language := language_of(path.name))
    ]
    manifests = {path: paths[path].read_bytes() for path in paths if is_manifest(path)}
    return list(resolve(importing, tree_of(paths, manifests)))
