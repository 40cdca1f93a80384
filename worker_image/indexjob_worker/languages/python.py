"""Python: what its query cannot say."""

import tree_sitter

from indexjob_worker.languages.declaration import Found, Language
from indexjob_worker.model import Import, SymbolKind


def _kind(found: Found) -> SymbolKind | None:
    in_class = found.parent_kind == "class"
    match found.kind:
        case "function" if in_class:
            return "constructor" if found.name == "__init__" else "method"
        case "property" if not in_class:
            return "function"
        case "variable" if found.name.isupper():
            return "constant"
        case kind:
            return kind


def _exported(found: Found) -> bool:
    if found.parent_kind is None:
        return found.name in found.export_names if found.export_names else not found.name.startswith("_")
    dunder = found.name.startswith("__") and found.name.endswith("__")
    return found.parent_kind == "class" and found.parent_exported and (dunder or not found.name.startswith("_"))


def _header_end(node: tree_sitter.Node) -> int | None:
    body = node.child_by_field_name("body")
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
    resolver="python",
    kind=_kind,
    exported=_exported,
    header_end=_header_end,
    binding=_binding,
)
