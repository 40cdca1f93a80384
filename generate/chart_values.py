"""Reads the chart's values.yaml with its comments: what each value is, what it is by default, what more its schema says.

A comment block right above a key is that key's. Of a section's first block, what stands before an empty comment line (`#`) is the text of a group of keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "charts" / "indexjob-operator"
SCHEMA, SETTINGS = "schema:", "settings:"


@dataclass(frozen=True, slots=True)
class Value:
    """One key. `children` are there for a mapping that is described key by key."""

    path: tuple[str, ...]
    default: Any
    text: str
    heading: str = ""
    """Of the group that begins here."""
    schema: dict[str, Any] = field(default_factory=dict)
    settings: str = ""
    """Which of the operator's settings it is."""
    children: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        """As Helm's `--set` has it."""
        return ".".join(self.path)


def read(text: str | None = None) -> tuple[Value, ...]:
    """All values, in order."""
    text = text if text is not None else (CHART / "values.yaml").read_text()
    return _mapping(yaml.compose(text), text.splitlines(), ())


def _mapping(node: Any, lines: list[str], path: tuple[str, ...]) -> tuple[Value, ...]:
    return tuple(_value(key, value, lines, path) for key, value in node.value)


def _value(key: Any, node: Any, lines: list[str], path: tuple[str, ...]) -> Value:
    own = (*path, key.value)
    comment = _comment_above(key.start_mark.line, key.start_mark.column, lines)
    schema = _after(SCHEMA, comment)
    settings = _after(SETTINGS, comment)
    text = [line for line in comment if not line.startswith((SCHEMA, SETTINGS))]
    heading: list[str] = []
    if "" in text:
        cut = len(text) - 1 - text[::-1].index("")
        heading, text = text[:cut], text[cut + 1 :]
    described = isinstance(node, yaml.MappingNode) and node.value and not (schema or settings)
    return Value(
        own,
        yaml.safe_load(yaml.serialize(node)),
        " ".join(text),
        " ".join(filter(None, heading)),
        yaml.safe_load(schema) if schema else {},
        settings,
        _mapping(node, lines, own) if described else (),
    )


def _comment_above(line: int, column: int, lines: list[str]) -> list[str]:
    found: list[str] = []
    prefix = " " * column + "#"
    while line > 0 and lines[line - 1].startswith(prefix):
        line -= 1
        found.insert(0, lines[line].removeprefix(prefix).strip())
    return found


def _after(word: str, comment: list[str]) -> str:
    return next((line.removeprefix(word).strip() for line in comment if line.startswith(word)), "")


def in_yaml(text: str) -> str:
    """What the settings say of themselves in Python's words, in those of values."""
    return re.sub(r"\bNone\b", "null", text)
