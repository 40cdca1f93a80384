"""JavaScript, TypeScript and TSX: what their queries cannot say. They differ in grammar, not in rules."""

import re

import tree_sitter

from indexjob_worker.languages.declaration import Found, Language
from indexjob_worker.model import Import, SymbolKind

ACCESSOR = re.compile(rb"\b[gs]et\s*$")
PRIVATE = re.compile(rb"\bprivate\b")
MEMBERS = {"class", "interface", "enum", "type"}


def _kind(found: Found) -> SymbolKind | None:
    if found.kind == "method" and found.name == "constructor":
        return "constructor"
    if found.kind == "method" and ACCESSOR.search(found.head):
        return "property"
    return found.kind


def _exported(found: Found) -> bool:
    if found.marked or (found.parent_kind is None and found.name in found.export_names):
        return True
    if found.parent_kind not in MEMBERS or found.name.startswith("#"):
        return False
    return found.parent_exported and not PRIVATE.search(found.head)


def _header_end(node: tree_sitter.Node) -> int | None:
    body = node.child_by_field_name("body")
    if body is None:
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        body = value and value.child_by_field_name("body")
    return body and body.start_byte


def _binding(imported: Import) -> str | None:
    return imported.alias or (imported.name if imported.name not in {"*", "default"} else None)


def _language(name: str, extensions: tuple[str, ...], grammar: tuple[str, str], *queries: str) -> Language:
    return Language(
        name=name,
        extensions=extensions,
        grammar=grammar,
        queries=("ecmascript.scm", *queries),
        resolver="ecmascript",
        kind=_kind,
        exported=_exported,
        header_end=_header_end,
        binding=_binding,
    )


JAVASCRIPT = _language(
    "javascript", (".js", ".jsx", ".mjs", ".cjs"), ("tree_sitter_javascript", "language"), "javascript.scm", "jsx.scm"
)
TYPESCRIPT = _language(
    "typescript", (".ts", ".mts", ".cts"), ("tree_sitter_typescript", "language_typescript"), "typescript.scm"
)
TSX = _language("tsx", (".tsx",), ("tree_sitter_typescript", "language_tsx"), "typescript.scm", "jsx.scm")
