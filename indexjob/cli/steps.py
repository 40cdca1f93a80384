"""One index job while it runs, step by step: what `indexjob demo` shows on a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from indexjob.cli.figures import STEPS, step_seconds
from indexjob.cli.progress import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.live import Live

    from indexjob.queue.producer import Job

MEANING = {
    "clone": "fetch one commit, without a work tree",
    "discover": "list its files, tell their languages",
    "parse": "parse what is new, in processes of its own",
    "symbols": "store definitions",
    "references": "store uses",
    "dependencies": "resolve imports to files, find circles",
    "store": "publish it all at once",
}


class StepView:
    """The seven steps under each other: done, with its seconds; under way; to come."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        self._began: dict[str, float] = {}
        self._live: Live = Live(console=Console(stderr=True, highlight=False), refresh_per_second=8, transient=False)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, jobs: Sequence[Job]) -> None:
        """Draw it as it is now."""
        for job in jobs:
            if job.step in STEPS:
                self._began.setdefault(job.step, time.monotonic())
            self._live.update(self._drawn(job))

    def _drawn(self, job: Job) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        took = step_seconds(job.stats or {})
        now = STEPS.index(job.step) if job.step in STEPS else len(STEPS) if job.state == "completed" else -1
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for place, step in enumerate(STEPS):
            mark, style = ("✔", "green") if place < now else ("▶", "bold yellow") if place == now else ("·", "dim")
            table.add_row(
                Text(mark, style=style),
                Text(step, style=style),
                self._seconds(step, took),
                Text(MEANING[step], style="dim"),
            )
        bar = Table.grid(padding=(0, 1, 0, 0))
        bar.add_row(
            ProgressBar(total=100, completed=100 if job.state == "completed" else job.progress, width=48),
            Text(line(job), style="bold"),
        )
        return Group(table, bar)

    def _seconds(self, step: str, took: dict[str, float]) -> str:
        """As the worker measured it, else as it was seen from here."""
        if step in took:
            return f"{took[step]:.2f} s"
        if step not in self._began:
            return ""
        later = [began for other, began in self._began.items() if STEPS.index(other) > STEPS.index(step)]
        return f"{min(later, default=time.monotonic()) - self._began[step]:.1f} s"
