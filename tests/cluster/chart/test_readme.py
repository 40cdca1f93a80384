"""The README's few commands for kind, one after the other, with the chart's own values. Docker's and kind's part the fixtures have done."""

from __future__ import annotations

import itertools
import os
import shlex
from typing import Any

import pytest
import yaml

from tests.cluster.chart.release import NAME, Release, merged
from tests.cluster.machine import builders
from tests.cluster.namespace import Manifest, Namespace

DONE = ("make images", "kind create", "kind load")
SAMPLE = {
    "repository": "https://sample.invalid/indexjob",
    "revision": "HEAD",
}  # of any public one: pods reach none here


def commands() -> list[list[str]]:
    """What is indented below the words `On kind`."""
    after = (builders.REPOSITORY / "README.md").read_text().partition("\nOn kind")[2].splitlines()[2:]
    block = after[: next(number for number, line in enumerate(after) if line and not line.startswith("    "))]
    return [shlex.split(line, comments=True) for line in block if line.strip()]


def values(words: list[str]) -> Manifest:
    """Of its --set: helm's own reading is not asked, so they are to be plain."""
    found: Manifest = {}
    for flag, word in itertools.pairwise(words):
        if flag == "--set":
            path, _, text = word.partition("=")
            value: Any = yaml.safe_load(text) if text in {"true", "false"} else text
            for key in reversed(path.split(".")):
                value = {key: value}
            found = merged(found, value)
    return found


def images() -> Manifest:
    """Where they have a tag of their own, as beside other work trees."""
    if "INDEXJOB_IMAGE_TAG" not in os.environ:
        return {}
    return {part: {"image": builders.tag(part)} for part in builders.PARTS}


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("postgres_pod_image", "without_definition")
def test_the_commands_for_kind(release: Release, namespace: Namespace) -> None:
    release.values = images()
    left = [words for words in commands() if not " ".join(words).startswith(DONE)]
    said = [" ".join(words) for words in left]
    assert [line.split()[1] for line in said] == ["install", "rollout", "test", "apply", "wait"], said
    for words in left:
        match words:
            case ["helm", "install", name, "charts/indexjob-operator", *more]:
                assert name == NAME
                assert "MISSING" not in release.install(values(more))
            case ["helm", "test", name]:
                release.helm.test(name, timeout=600)
            case ["kubectl", "apply", "-f", path]:
                (example,) = yaml.safe_load_all((builders.REPOSITORY / path).read_text())
                example["spec"] |= SAMPLE
                namespace.apply(example)
            case ["kubectl", *more]:
                namespace(*more)
            case _:
                pytest.fail(f"nobody tries: {words}")
