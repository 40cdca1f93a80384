"""The chart as Helm's own engine renders it, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

TOP = Path(__file__).parents[2]
CHART = TOP / "charts" / "indexjob-operator"
NAMED: dict[str, Any] = {"database": {"existingSecret": "db"}}
TRIAL: dict[str, Any] = {"database": {"trial": {"enabled": True, "image": "postgres.test/postgres:18"}}}
Manifest = dict[str, Any]


@dataclass
class Rendered:
    """What comes out, by kind and name."""

    texts: dict[str, str]

    @cached_property
    def objects(self) -> list[Manifest]:
        return [
            one
            for path, text in self.texts.items()
            if path.endswith(".yaml")
            for one in yaml.load_all(text, Loader=yaml.CSafeLoader)
            if one is not None
        ]

    @property
    def notes(self) -> str:
        return next(text for path, text in self.texts.items() if path.endswith("NOTES.txt"))

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = [o for o in self.objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
        return found

    def names(self, kind: str) -> set[str]:
        return {o["metadata"]["name"] for o in self.objects if o["kind"] == kind}

    @property
    def operator_pod(self) -> Manifest:
        template: Manifest = self.one("Deployment", "indexjob-operator")["spec"]["template"]
        return template

    @property
    def settings(self) -> Manifest:
        text = self.one("ConfigMap", "indexjob-settings")["data"]["settings.yaml"]
        found: Manifest = yaml.safe_load(text)
        return found


def merged(*values: Manifest) -> Manifest:
    """Later ones win, key by key, as Helm has it."""
    result: Manifest = {}
    for one in values:
        for key, value in one.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


class Engine:
    """Renders with the values that every installation needs, and more."""

    def __init__(self) -> None:
        self._chart = Chart.load(CHART)

    def __call__(self, *values: Manifest, base: Manifest = NAMED, **how: Any) -> Rendered:
        return Rendered(self._chart.render(merged(base, *values), **{"name": "indexjob", "namespace": "ij"} | how))


@pytest.fixture(scope="session")
def render() -> Engine:
    return Engine()
