"""The graph of TypeScript and JavaScript files is the one that dependency-cruiser finds with TypeScript's own resolution."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.peers.conftest import dependencies

WORKSPACE = {
    "package.json": '{"name": "root", "private": true, "workspaces": ["packages/*"]}',
    "tsconfig.base.json": """{
  // comments, and a comma too many
  "compilerOptions": { "module": "nodenext", "moduleResolution": "nodenext", "target": "es2022", "allowJs": true, /* so */ },
}""",
    "tsconfig.json": """{
  "extends": "./tsconfig.base.json",
  "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["./app/src/*"], "~config": ["./app/src/config.ts"] } },
  "include": ["app", "packages"]
}""",
    "app/src/main.ts": """
import { a } from "./a.js";
import * as deep from "./deep/index.js";
import type { Config } from "~config";
import { helper } from "@/util/helper.js";
import { lib } from "@org/lib";
import { feature } from "@org/lib/feature";
import data from "./data.json" with { type: "json" };
export * from "./reexported.js";
export const late = () => import("./late.js");
""",
    "app/src/a.ts": 'import "./view.js";\nexport const a = 1;\n',
    "app/src/view.tsx": 'import { a } from "./a.js";\nexport const view = () => a;\n',
    "app/src/deep/index.ts": 'export { helper } from "../util/helper.js";\n',
    "app/src/util/helper.ts": "export const helper = 1;\n",
    "app/src/config.ts": "export type Config = string;\n",
    "app/src/reexported.mts": "export const r = 1;\n",
    "app/src/reexported.ts": "export const r = 1;\n",
    "app/src/late.ts": "export default 1;\n",
    "app/src/data.json": "{}",
    "app/src/plain.cjs": 'const { join } = require("node:path");\nconst old = require("./old.cjs");\nmodule.exports = old;\n',
    "app/src/old.cjs": "module.exports = 1;\n",
    "packages/lib/package.json": json.dumps(
        {
            "name": "@org/lib",
            "type": "module",
            "exports": {".": "./src/index.ts", "./feature": {"import": "./src/features/one.ts"}},
        }
    ),
    "packages/lib/src/index.ts": 'export const lib = 1;\nexport { feature } from "./features/one.js";\n',
    "packages/lib/src/features/one.ts": "export const feature = 1;\n",
}


def cruised(npm: Path, tmp_path: Path, root: Path, *folders: str, tsconfig: str) -> set[tuple[str, str]]:
    """Every edge between two files of these folders, but those that only a `/// <reference>` says."""
    conditions = ["import", "require", "node", "default", "types"]
    options = {
        "tsConfig": {"fileName": tsconfig},
        "tsPreCompilationDeps": True,
        "doNotFollow": {"path": "node_modules"},
        "enhancedResolveOptions": {"exportsFields": ["exports"], "conditionNames": conditions},
    }
    config = tmp_path / "cruise.json"
    config.write_text(json.dumps({"options": options}))
    command = [npm / ".bin" / "depcruise", *folders, "--config", config, "--output-type", "json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found = {
        (module["source"], one["resolved"])
        for module in json.loads(done.stdout)["modules"]
        for one in module["dependencies"]
        if not one["couldNotResolve"] and not any(kind.startswith("triple-slash") for kind in one["dependencyTypes"])
    }
    inside = tuple(f"{folder}/" for folder in folders)
    return {edge for edge in found if all(end.startswith(inside) and "node_modules" not in end for end in edge)}


def test_a_workspace(npm: Path, tmp_path: Path) -> None:
    """`extends`, `paths`, comments, index files, `.js` written for `.ts` and `.tsx`, `exports` of the workspace's packages."""
    for path, text in WORKSPACE.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "node_modules" / "@org").mkdir(parents=True)
    (tmp_path / "node_modules" / "@org" / "lib").symlink_to(tmp_path / "packages" / "lib")
    theirs = cruised(npm, tmp_path, tmp_path, "app", "packages", tsconfig="tsconfig.json")
    found = dependencies(tmp_path, tmp_path)
    ours = {(one.src_path, one.dst_path) for one in found if one.dst_path}
    assert ours == theirs
    assert {one.spec for one in found if one.kind == "external"} == {"node:path"}
    assert not [one for one in found if one.kind == "unresolved"]


@pytest.mark.parametrize(
    ("package", "folder"), [("rxjs", "src"), ("zod", "src"), ("eslint", "lib"), ("express", "lib")]
)
def test_real_code(npm: Path, package: str, folder: str, tmp_path: Path) -> None:
    """TypeScript's sources and CommonJS as they are published."""
    root = npm / package
    (tmp_path / "one.ts").touch()
    (tmp_path / "tsconfig.json").write_text(
        '{"compilerOptions": {"allowJs": true, "module": "nodenext", "moduleResolution": "nodenext"}}'
    )
    theirs = cruised(npm, tmp_path, root, folder, tsconfig=str(tmp_path / "tsconfig.json"))
    ours = {(one.src_path, one.dst_path) for one in dependencies(root, root / folder) if one.dst_path}
    assert theirs
    assert ours - theirs == set()
    assert theirs - ours == set()
