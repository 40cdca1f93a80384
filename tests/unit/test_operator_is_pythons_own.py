"""A folder named operator/ lies in the tree; it must never stand in for Python's module of that name."""

import operator
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_operator_is_still_pythons_own() -> None:
    assert operator.itemgetter(1)("ab") == "b"
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_also_for_a_program_that_is_started_in_the_tree() -> None:
    code = "import sys; sys.path.insert(0, '.'); sys.modules.pop('operator', None); import operator; print(operator.__file__, operator.add(1, 2))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    file, total = ran.stdout.split()
    assert total == "3"
    assert not file.startswith(str(ROOT / "operator"))
