"""Python: what its query cannot say."""

from collections.abc import Collection

import tree_sitter

from indexjob_worker.languages.declaration import Fields, Language
from indexjob_worker.model import Import, SymbolKind


def _kind(caught: SymbolKind, name: str, around: SymbolKind | None, _head: bytes) -> SymbolKind | None:
    if caught == "function":
        return "function" if around != "class" else "constructor" if name == "__init__" else "method"
    if caught == "property":
        return "property" if around == "class" else "function"
    return "constant" if caught == "variable" and name.isupper() else caught


def _exported(name: str, export_names: Collection[str]) -> bool:
    return name in export_names if export_names else not name.startswith("_")


def _exported_member(name: str, around: SymbolKind, around_exported: bool, _head: bytes) -> bool:  # noqa: FBT001
    if around != "class" or not around_exported:
        return False
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _header_end(node: tree_sitter.Node, fields: Fields) -> int | None:
    body = node.child_by_field_id(fields["body"])
    return body and body.start_byte


def _binding(imported: Import) -> str | None:
    if imported.kind == "dynamic" or imported.name == "*":
        return None
    return imported.alias or imported.name or imported.spec.partition(".")[0]


PYTHON = Language(
    name="python",
    extensions=(".py", ".pyi", ".pyw"),
    filenames=("SConstruct", "SConscript", "wscript"),
    grammar=("tree_sitter_python", "language"),
    queries=("python.scm",),
    top="python.top.scm",
    levels=("def.class",),
    resolver="python",
    kind=_kind,
    exported=_exported,
    exported_member=_exported_member,
    header_end=_header_end,
    binding=_binding,
)
