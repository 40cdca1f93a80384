"""Go: what its query cannot say."""

import re

import tree_sitter

from indexjob_worker.languages.declaration import Found, Language
from indexjob_worker.model import Import, SymbolKind

RECEIVER = re.compile(rb"func\s*\(\s*(?:\w+\s+)?\*?\s*(\w+)")
VERSION = re.compile(r"v\d+$")
"""A major version: no part of a package's name (`example.org/flag/v2`, `gopkg.in/yaml.v3`)."""


def _kind(found: Found) -> SymbolKind | None:
    return None if found.name == "_" else found.kind


def _exported(found: Found) -> bool:
    return found.name[:1].isupper() and (found.parent_kind is None or found.parent_exported)


def _header_end(node: tree_sitter.Node) -> int | None:
    body = node.child_by_field_name("body")
    if body:
        return body.start_byte
    kind = node.child_by_field_name("type")
    if kind and kind.type in {"struct_type", "interface_type"}:
        return kind.start_byte + len(kind.type.removesuffix("_type"))
    return None


def _binding(imported: Import) -> str | None:
    if imported.name == "*" or imported.alias == "_":
        return None
    if imported.alias:
        return imported.alias
    parts = imported.spec.split("/")
    last = parts[-2] if len(parts) > 1 and VERSION.match(parts[-1]) else parts[-1]
    stem, _, version = last.rpartition(".")
    return (stem if stem and VERSION.match(version) else last).removeprefix("go-")


def _owner(head: bytes) -> str | None:
    receiver = RECEIVER.match(head)
    return receiver[1].decode("utf-8", "replace") if receiver else None


GO = Language(
    name="go",
    extensions=(".go",),
    grammar=("tree_sitter_go", "language"),
    queries=("go.scm",),
    resolver="go",
    kind=_kind,
    exported=_exported,
    header_end=_header_end,
    binding=_binding,
    owner=_owner,
)
