"""Imports lead where Python, Go, Node and TypeScript say they do."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexjob_worker.extraction import extract
from indexjob_worker.languages import language_of
from indexjob_worker.manifests import is_manifest
from indexjob_worker.model import Dependency
from indexjob_worker.resolvers import ImportingFile, resolve
from tests.trees import manifests_of, tree_of


def dependencies(tree: dict[str, str], only: str | None = None) -> list[Dependency]:
    files = [
        ImportingFile(path, language, extract(text.encode(), language).imports)
        for path, text in tree.items()
        if (language := language_of(path)) and (only is None or path == only)
    ]
    return list(resolve(files, tree_of(tree, manifests_of(tree))))


def leads(tree: dict[str, str], path: str) -> dict[str, str | list[str]]:
    """What each import of one file leads to: its files, or the kind if it has none."""
    found: dict[str, str | list[str]] = {}
    for _, dst, spec, kind in dependencies(tree, path):
        if dst is None:
            found[spec] = kind
        else:
            targets = found.setdefault(spec, [])
            assert isinstance(targets, list)
            targets.append(dst)
    return found


def empty(*paths: str) -> dict[str, str]:
    return dict.fromkeys(paths, "")


PYTHON = [
    ("import os, numpy", "pkg/a.py", [], {"os": "external", "numpy": "external"}),
    ("from . import b", "pkg/a.py", ["pkg/b.py"], {".": ["pkg/b.py"]}),
    ("from . import name", "pkg/a.py", [], {".": ["pkg/__init__.py"]}),
    ("from .b import name", "pkg/a.py", ["pkg/b.py"], {".b": ["pkg/b.py"]}),
    ("from .b import c", "pkg/a.py", ["pkg/b/__init__.py", "pkg/b/c.py"], {".b": ["pkg/b/c.py"]}),
    ("from .. import x", "pkg/sub/a.py", ["pkg/sub/__init__.py"], {"..": ["pkg/__init__.py"]}),
    ("from ... import x", "pkg/a.py", [], {"...": "unresolved"}),
    ("from .gone import x", "pkg/a.py", [], {".gone": "unresolved"}),
    ("import pkg.gone", "pkg/a.py", [], {"pkg.gone": "unresolved"}),
    ("import other.mod", "pkg/a.py", ["other/mod.py"], {"other.mod": ["other/mod.py"]}),
    ("import other.mod", "pkg/a.py", ["src/other/mod.py"], {"other.mod": ["src/other/mod.py"]}),
    ("import kit.x", "pkg/a.py", ["deep/er/kit/__init__.py", "deep/er/kit/x.py"], {"kit.x": ["deep/er/kit/x.py"]}),
    ("import kit", "tests/a.py", ["tests/kit.py", "kit.py"], {"kit": ["tests/kit.py"]}),
    ("import operator", "pkg/a.py", ["operator/x/__init__.py"], {"operator": "external"}),
    ("from pkg import stub", "b.py", ["pkg/stub.pyi"], {"pkg": ["pkg/stub.pyi"]}),
    ("from pkg import *", "b.py", [], {"pkg": ["pkg/__init__.py"]}),
    ("import pkg.a", "pkg/a.py", [], {}),
    ("importlib.import_module('pkg.b')", "pkg/a.py", ["pkg/b.py"], {"pkg.b": ["pkg/b.py"]}),
]


@pytest.mark.parametrize(
    ("text", "path", "others", "expected"), PYTHON, ids=[f"{row[0]} in {row[1]}" for row in PYTHON]
)
def test_python(text: str, path: str, others: list[str], expected: dict[str, object]) -> None:
    assert leads({**empty("pkg/__init__.py", *others), path: text}, path) == expected


PYPROJECTS = [
    '[tool.setuptools.packages.find]\nwhere = ["code"]',
    '[tool.setuptools.package-dir]\n"" = "code"',
    '[tool.poetry]\npackages = [{include = "ns", from = "code"}]',
    '[tool.hatch.build.targets.wheel]\npackages = ["code/ns"]',
]


@pytest.mark.parametrize("text", PYPROJECTS)
def test_python_roots_that_a_manifest_declares(text: str) -> None:
    """A namespace package shows no root by itself."""
    tree = {"lib/pyproject.toml": text, "lib/code/ns/m.py": "", "a.py": "from ns import m"}
    assert leads(tree, "a.py") == {"ns": ["lib/code/ns/m.py"]}
    assert leads({**tree, "lib/pyproject.toml": "broken ["}, "a.py") == {"ns": "external"}


def test_python_setup_cfg() -> None:
    tree = {"setup.cfg": "[options]\npackage_dir =\n    = code\n", "code/ns/m.py": "", "a.py": "import ns.m"}
    assert leads(tree, "a.py") == {"ns.m": ["code/ns/m.py"]}


GO_TREE = {
    "go.mod": "module example.org/top\n\nreplace (\n\texample.org/moved v1.0.0 => ./moved\n)\n",
    "a/one.go": "",
    "a/two.go": "",
    "a/one_test.go": "",
    "tools/go.mod": 'module "example.org/top/tools"',
    "tools/t.go": "",
    "moved/x/m.go": "",
    "vendor/example.com/v/v.go": "",
}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("fmt", "external"),
        ("example.org/top/a", ["a/one.go", "a/two.go"]),
        ("example.org/top/gone", "unresolved"),
        ("example.org/top", "unresolved"),
        ("example.org/topper/a", "external"),
        ("example.org/top/tools", ["tools/t.go"]),
        ("example.org/moved/x", ["moved/x/m.go"]),
        ("example.com/v", "external"),
    ],
)
def test_go(spec: str, expected: object) -> None:
    assert leads({**GO_TREE, "cmd/main.go": f'package main\nimport "{spec}"'}, "cmd/main.go") == {spec: expected}


def test_go_workspace() -> None:
    """Its modules find each other without a `replace` of their own; what it replaces counts for all of them."""
    tree = {
        "go.work": "go 1.26\n\nuse (\n\t./app\n\t./lib\n)\n\nreplace example.net/far => ./forked\n",
        "app/go.mod": "module example.org/app\n\nrequire example.org/lib v0.0.0\n",
        "lib/go.mod": "module example.org/lib\n",
        "lib/l.go": "",
        "forked/f.go": "",
        "app/main.go": 'package main\nimport (\n\t"example.org/lib"\n\t"example.net/far"\n)',
    }
    assert leads(tree, "app/main.go") == {"example.org/lib": ["lib/l.go"], "example.net/far": ["forked/f.go"]}


def test_go_packages_make_no_circles_of_their_own() -> None:
    tree = {**GO_TREE, "a/one_test.go": 'package a_test\nimport "example.org/top/a"'}
    assert {(d.src_path, d.dst_path) for d in dependencies(tree)} == {
        ("a/one_test.go", "a/one.go"),
        ("a/one_test.go", "a/two.go"),
    }


RELATIVE = [
    ("./b", ["src/b.ts"], "src/b.ts"),
    ("./b", ["src/b.tsx", "src/b.js"], "src/b.tsx"),
    ("./b.js", ["src/b.ts"], "src/b.ts"),
    ("./b.js", ["src/b.js"], "src/b.js"),
    ("./b.jsx", ["src/b.tsx"], "src/b.tsx"),
    ("./b.mjs", ["src/b.mts"], "src/b.mts"),
    ("./b", ["src/b/index.ts"], "src/b/index.ts"),
    ("./b", ["src/b.d.ts"], "src/b.d.ts"),
    ("./b.component", ["src/b.component.ts"], "src/b.component.ts"),
    (".", ["src/index.ts"], "src/index.ts"),
    ("..", ["index.js"], "index.js"),
    ("../data.json", ["data.json"], "data.json"),
    ("./style.css?inline", ["src/style.css"], "src/style.css"),
    ("./gone", [], None),
    ("../../out", ["out.ts"], None),
]


@pytest.mark.parametrize(("spec", "others", "expected"), RELATIVE)
def test_relative(spec: str, others: list[str], expected: str | None) -> None:
    tree = {**empty(*others), "src/a.ts": f'import "{spec}"'}
    assert leads(tree, "src/a.ts") == {spec: [expected] if expected else "unresolved"}


TSCONFIG = """{
  // a comment with "quotes"
  "extends": ["./other.tsconfig.json", "@org/config/tsconfig.base.json"], /* another */
  "compilerOptions": { "baseUrl": "./src", },
}"""
BASE = '{"compilerOptions": {"paths": {"@/*": ["*"], "@/special": ["./pick.ts"], "~lib": ["gone", "../lib/x"]}}}'


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("@/util/x", ["web/src/util/x.ts"]),
        ("@/special", ["web/src/pick.ts"]),
        ("~lib", ["web/lib/x.ts"]),
        ("util/x", ["web/src/util/x.ts"]),
        ("@/gone", "external"),
        ("react", "external"),
        ("node:fs", "external"),
    ],
)
def test_tsconfig(spec: str, expected: object) -> None:
    tree = {
        "web/tsconfig.json": TSCONFIG,
        "web/other.tsconfig.json": '{"extends": "./tsconfig.json"}',
        "packages/config/package.json": '{"name": "@org/config"}',
        "packages/config/tsconfig.base.json": BASE,
        **empty("web/src/util/x.ts", "web/src/pick.ts", "web/src/special.ts", "web/lib/x.ts"),
        "web/src/deep/a.tsx": f'import "{spec}"',
    }
    assert leads(tree, "web/src/deep/a.tsx") == {spec: expected}


def test_tsconfig_that_only_refers() -> None:
    tree = {
        "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.node.json"}, {"path": "./tsconfig.app.json"}]}',
        "tsconfig.node.json": '{"references": [{"path": "./tsconfig.json"}]}',
        "tsconfig.app.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        "src/b.ts": "",
        "src/a.ts": 'import "@/b"',
    }
    assert leads(tree, "src/a.ts") == {"@/b": ["src/b.ts"]}


EXPORTS = """{"name": "@org/lib", "main": "./dist/main.js", "imports": {"#own/*": "./src/*.ts"}, "exports": {
  ".": {"types": "./dist/index.d.ts", "import": {"default": "./dist/index.js"}},
  "./feature/*": "./dist/features/*.js", "./exact": ["./gone.js", "./src/there.ts"], "./closed": null}}"""


@pytest.mark.parametrize(
    ("spec", "importer", "expected"),
    [
        ("@org/lib", "app/a.js", ["packages/lib/src/index.ts"]),
        ("@org/lib/feature/x", "app/a.js", ["packages/lib/src/features/x.ts"]),
        ("@org/lib/exact", "app/a.js", ["packages/lib/src/there.ts"]),
        ("@org/lib/closed", "app/a.js", "unresolved"),
        ("@org/lib/src/there", "app/a.js", ["packages/lib/src/there.ts"]),
        ("@org/libel", "app/a.js", "external"),
        ("plain", "app/a.js", ["packages/plain/lib/main.js"]),
        ("#own/there", "packages/lib/src/index.ts", ["packages/lib/src/there.ts"]),
        ("#gone", "packages/lib/src/index.ts", "unresolved"),
    ],
)
def test_packages_of_the_workspace(spec: str, importer: str, expected: object) -> None:
    tree = {
        "packages/lib/package.json": EXPORTS,
        "packages/plain/package.json": '{"name": "plain", "main": "lib/main"}',
        "node_modules/react/package.json": '{"name": "react"}',
        **empty("packages/lib/src/index.ts", "packages/lib/src/there.ts", "packages/lib/src/features/x.ts"),
        **empty("packages/plain/lib/main.js", "node_modules/react/index.js"),
        importer: f'import "{spec}"',
    }
    assert leads(tree, importer) == {spec: expected}


def test_manifests() -> None:
    ours = ["go.mod", "a/package.json", "tsconfig.base.json", "x/pyproject.toml"]
    assert list(filter(is_manifest, [*ours, "node_modules/a/package.json", "vendor/x/go.mod", "a.json"])) == ours


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["./a", "*", "@/*", ".", "..", "a", "", "#a", "/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "exports",
                    "imports",
                    "main",
                    "paths",
                    "baseUrl",
                    "compilerOptions",
                    "extends",
                    "references",
                    "path",
                    ".",
                    "./a",
                    "./*",
                    "@/*",
                    "tool",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
SPECS = st.lists(
    st.sampled_from(["", ".", "..", "...", "./", "/", "//", "@", "@/", "#", "a", "@/a", "a/b", "a.b", "\ufffd"])
)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(JSON, min_size=3, max_size=3), specs=SPECS, junk=st.binary(max_size=30))
def test_no_manifest_and_no_spec_raises(values: Iterable[object], specs: list[str], junk: bytes) -> None:
    import json

    from indexjob_worker.languages import LANGUAGES
    from indexjob_worker.model import Import

    names = ["package.json", "tsconfig.json", "sub/tsconfig.json"]
    manifests = {name: json.dumps(value).encode() for name, value in zip(names, values, strict=True)}
    manifests |= {"pyproject.toml": junk, "setup.cfg": junk, "go.mod": junk}
    imports = [Import(n, "import", spec, None, None, 1) for n, spec in enumerate(specs)]
    files = [ImportingFile("sub/a", language, imports) for language in LANGUAGES.values()]
    found = list(resolve(files, tree_of(["sub/a", "a.ts", "a.py", "sub/a.js"], manifests)))
    assert all((d.kind == "internal") == (d.dst_path is not None) for d in found)
