"""Builds the project's images with whatever builder answers, into archives that every cluster can load."""

import os
import shutil
import sys
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine import images, mounts, packages
from tests.cluster.machine.commands import PATH, UnfitError, attempt, run
from tests.cluster.machine.place import cache
from tests.cluster.machine.toolchain import only_one

REPOSITORY = Path(__file__).parents[3]
PARTS = ("operator", "worker")
BASE = "python:3.11-slim"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Builder:
    """One engine's words for the same few things."""

    command: tuple[str, ...]
    probes: tuple[tuple[str, ...], ...]  # all must end well: a client on PATH is no engine
    building: tuple[str, ...]
    loading: tuple[str, ...]  # {archive} is filled in
    saving: tuple[str, ...]  # {archive} and {tag}

    def answers(self) -> bool:
        found = shutil.which(self.command[0], path=PATH) is not None
        return found and all(attempt(*self.command, *probe) is not None for probe in self.probes)

    def has(self, base: str) -> bool:
        """Whether the image is there or a registry gives it."""
        return attempt(*self.command, "pull", base) is not None

    def load(self, archive: Path) -> None:
        run(*self.command, *_filled(self.loading, archive=archive))

    def build(self, part: str, base: str, tag: str) -> None:
        """Raises CommandFailedError with the end of the build's output."""
        arguments = {"BASE": base, "VERSION": version(), "REVISION": revision()}
        words = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        if CERTIFICATES.exists():
            words += ["--secret", f"id=ca,src={CERTIFICATES}"]
        run(*self.command, *self.building, "-f", f"Dockerfile.{part}", "-t", tag, *words, ".", cwd=REPOSITORY)

    def save(self, tag: str, archive: Path) -> None:
        archive.unlink(missing_ok=True)
        run(*self.command, *_filled(self.saving, archive=archive, tag=tag))


def builders() -> tuple[Builder, ...]:
    """In the order they are asked."""
    file = ("-i", "{archive}")
    storage = (
        "--root",
        str(cache() / "buildah"),
        "--runroot",
        str(cache() / "buildah-run"),
        "--storage-driver",
        "overlay",
    )
    return (
        Builder(
            ("docker",),
            (("info",), ("buildx", "version")),
            ("build",),
            ("load", *file),
            ("save", "-o", "{archive}", "{tag}"),
        ),
        Builder(
            ("podman",),
            (("info",),),
            ("build", "--layers", "--format", "docker"),
            ("load", *file),
            ("save", "-o", "{archive}", "{tag}"),
        ),
        Builder(
            ("buildah", *storage),
            (("info",),),
            ("build", "--layers", "--format", "docker", "--isolation", "chroot"),
            ("pull", "docker-archive:{archive}"),
            ("push", "{tag}", "docker-archive:{archive}:{tag}"),
        ),
    )


def builder() -> Builder:
    """The first that answers.

    Raises:
        UnfitError: none does.
    """
    for candidate in builders():
        if candidate.answers():
            return candidate
    raise UnfitError("no image builder answers: start docker or podman, or install buildah")


def archives(folder: Path = REPOSITORY / "dist" / "images") -> dict[str, Path]:
    """Where they are once they are built."""
    return {part: folder / f"indexjob-{part}.tar" for part in PARTS}


def build(base: str | None = None, folder: Path = REPOSITORY / "dist" / "images") -> dict[str, Path]:
    """The archive of each part's image, named `tag(part)` inside.

    Without a base it is the usual one, or one made by debootstrap where no registry gives that.

    Raises:
        UnfitError: no builder answers, or a build fails.
    """
    chosen = builder()
    folder.mkdir(parents=True, exist_ok=True)
    made = archives(folder)
    with only_one("build"):
        _tidy()
        base = base or _base(chosen)
        for part, archive in made.items():
            print(f"building {tag(part)} on {base} with {chosen.command[0]}", file=sys.stderr)
            chosen.build(part, base, tag(part))
            chosen.save(tag(part), archive)
    return made


def tidy() -> None:
    """Removes what builds that were killed left in buildah's store: their containers, and what those have mounted. A build that goes on is left alone."""
    with suppress(BlockingIOError), only_one("build", wait=False):
        _tidy()


def tag(part: str) -> str:
    """Of the release that is built; INDEXJOB_IMAGE_TAG keeps apart what several work trees bring to one cluster."""
    return f"indexjob-{part}:{os.environ.get('INDEXJOB_IMAGE_TAG') or version()}"


def version() -> str:
    return str(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"])


def revision() -> str:
    return (attempt("git", "-C", REPOSITORY, "rev-parse", "HEAD") or "unknown").strip()


def _tidy() -> None:
    store = cache() / "buildah"
    if store.exists() and shutil.which("buildah", path=PATH):
        attempt(*builders()[-1].command, "rm", "--all")
        mounts.unmount_under(store)


def _base(chosen: Builder) -> str:
    if chosen.has(BASE):
        return BASE
    print(f"no registry gives {BASE}: a base made by debootstrap serves", file=sys.stderr)
    packages.require_root()
    packages.install()
    chosen.load(images.base())
    return images.BASE


def _filled(words: Sequence[str], **values: object) -> list[str]:
    return [word.format(**values) for word in words]
