"""Reads an image's archive: its configuration, and the files of each of its layers."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a docker-archive."""

    archive: Path

    @property
    def config(self) -> dict[str, Any]:
        with tarfile.open(self.archive) as whole:
            return cast("dict[str, Any]", json.load(_member(whole, _manifest(whole)["Config"])))

    @property
    def digests(self) -> list[str]:
        """Of the layers' contents, the base's first."""
        return list(self.config["rootfs"]["diff_ids"])

    def files(self, since: int) -> Iterator[tuple[str, int, IO[bytes]]]:
        """Path, size and content of each regular file in the layers from that one on."""
        with tarfile.open(self.archive) as whole:
            for name in _manifest(whole)["Layers"][since:]:
                with tarfile.open(fileobj=_member(whole, name)) as layer:
                    for entry in layer:
                        content = layer.extractfile(entry) if entry.isfile() else None
                        if content:
                            yield "/" + entry.name.removeprefix("./"), entry.size, content


def shared_layers(one: Image, other: Image) -> int:
    """How many layers two images begin with in common: the base's, where they differ from there on."""
    pairs = zip(one.digests, other.digests, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), len(one.digests))


def _manifest(whole: tarfile.TarFile) -> dict[str, Any]:
    (manifest,) = json.load(_member(whole, "manifest.json"))
    return cast("dict[str, Any]", manifest)


def _member(whole: tarfile.TarFile, name: str) -> IO[bytes]:
    content = whole.extractfile(name)
    if content is None:
        raise FileNotFoundError(name)
    return content
