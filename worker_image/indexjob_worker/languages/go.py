"""Go: what its query cannot say."""

import re
from collections.abc import Collection

import tree_sitter

from indexjob_worker.languages.declaration import Fields, Language
from indexjob_worker.model import Import, SymbolKind

RECEIVER = re.compile(rb"func\s*\(\s*(?:\w+\s+)?\*?\s*(\w+)")
VERSION = re.compile(r"v\d+$")
"""A major version: no part of a package's name (`example.org/flag/v2`, `gopkg.in/yaml.v3`)."""


def _kind(caught: SymbolKind, name: str, _around: SymbolKind | None, _head: bytes) -> SymbolKind | None:
    return None if name == "_" else caught


def _exported(name: str, _export_names: Collection[str]) -> bool:
    return name[:1].isupper()


def _exported_member(name: str, _around: SymbolKind, around_exported: bool, _head: bytes) -> bool:  # noqa: FBT001
    return around_exported and name[:1].isupper()


def _header_end(node: tree_sitter.Node, fields: Fields) -> int | None:
    if body := node.child_by_field_id(fields["body"]):
        return body.start_byte
    kind = node.child_by_field_id(fields["type"])
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
    top="go.top.scm",
    resolver="go",
    kind=_kind,
    exported=_exported,
    exported_member=_exported_member,
    header_end=_header_end,
    binding=_binding,
    doc_comments=True,
    owner=_owner,
)
