"""JavaScript, TypeScript and TSX: what their queries cannot say. They differ in grammar, not in rules."""

import re
from collections.abc import Collection

import tree_sitter

from indexjob_worker.languages.declaration import Fields, Language
from indexjob_worker.model import Import, SymbolKind

ACCESSOR = re.compile(rb"\b[gs]et\s*$")
PRIVATE = re.compile(rb"\bprivate\b")
MEMBERS = {"class", "interface", "enum", "type"}


def _kind(caught: SymbolKind, name: str, _around: SymbolKind | None, head: bytes) -> SymbolKind | None:
    if caught != "method":
        return caught
    if name == "constructor":
        return "constructor"
    return "property" if head and ACCESSOR.search(head) else caught


def _exported(name: str, export_names: Collection[str]) -> bool:
    return name in export_names


def _exported_member(name: str, around: SymbolKind, around_exported: bool, head: bytes) -> bool:  # noqa: FBT001
    if not around_exported or around not in MEMBERS or name.startswith("#"):
        return False
    return not head or not PRIVATE.search(head)


def _header_end(node: tree_sitter.Node, fields: Fields) -> int | None:
    body = node.child_by_field_id(fields["body"])
    if body is None:
        value = node.child_by_field_id(fields["value"]) or node.child_by_field_id(fields["right"])
        body = value and value.child_by_field_id(fields["body"])
    return body and body.start_byte


def _binding(imported: Import) -> str | None:
    return imported.alias or (imported.name if imported.name not in {"*", "default"} else None)


def _language(name: str, extensions: tuple[str, ...], grammar: tuple[str, str], *queries: str) -> Language:
    return Language(
        name=name,
        extensions=extensions,
        grammar=grammar,
        queries=("ecmascript.scm", *queries),
        top="ecmascript.top.scm",
        resolver="ecmascript",
        kind=_kind,
        exported=_exported,
        exported_member=_exported_member,
        header_end=_header_end,
        binding=_binding,
        doc_comments=True,
    )


JAVASCRIPT = _language(
    "javascript", (".js", ".jsx", ".mjs", ".cjs"), ("tree_sitter_javascript", "language"), "javascript.scm", "jsx.scm"
)
TYPESCRIPT = _language(
    "typescript", (".ts", ".mts", ".cts"), ("tree_sitter_typescript", "language_typescript"), "typescript.scm"
)
TSX = _language("tsx", (".tsx",), ("tree_sitter_typescript", "language_tsx"), "typescript.scm", "jsx.scm")
