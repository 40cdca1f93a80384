"""Has the languages of a commit made ready for extraction while the worker still starts: their queries take long to compile.

Only names are looked at. Whatever goes wrong here is no matter: the run itself meets it again, with a place to say it.
"""

from collections import Counter
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from indexjob_worker.errors import RunError
from indexjob_worker.git.objects import Objects
from indexjob_worker.languages import language_of
from indexjob_worker.pipe import NUMBERS
from indexjob_worker.workspace import Workspace
from indexjob_worker.zygote import Zygote

MOST_FILES: Final = 2_000
"""The first of them tell enough; what they don't, the run finds out."""


def foresee(zygote: Zygote, directory: Path) -> None:
    """Tell the zygote which languages the commit in this workspace is written in, the most used first. Which of them have changed files the run finds out."""
    workspace = Workspace(directory)
    used: Counter[str] = Counter()
    with suppress(RunError, OSError, ValueError):
        cloned = workspace.find()
        if not cloned.unchanged:
            for entry in islice(Objects(workspace.repository).entries(cloned.commit, MOST_FILES), MOST_FILES):
                language = language_of(entry.path.decode(errors="replace"))
                used.update([language.name] if language else ())
        for name, _ in used.most_common():
            zygote.warm_soon(NUMBERS[name])
