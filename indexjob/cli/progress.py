"""Index jobs in motion: as bars, as lines, as JSON. Each shows a list of jobs as they are now, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from indexjob.cli.ids import short
from indexjob.cli.output import COLOURS, answer_json_line, clean, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from uuid import UUID

    from rich.progress import Progress, TaskID

    from indexjob.queue.producer import Job

NAME_WIDTH = 40


class View(Protocol):
    """Something that shows jobs for as long as it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, jobs: Sequence[Job]) -> None:
        """The jobs as they are now."""


class LineView:
    """A line on standard error whenever a job's state or step has changed."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[object, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, jobs: Sequence[Job]) -> None:
        """Tell what is new."""
        for job in jobs:
            now = (job.state, job.step, job.reason, job.attempts)
            if self._seen.get(job.id) != now:
                self._seen[job.id] = now
                self.tell(job)

    def tell(self, job: Job) -> None:
        """One change, in a line."""
        say(f"{short(job.id)}  {job.repository}  {line(job)}")


class JsonView(LineView):
    """The same changes as JSON documents, one in a line of standard output."""

    def tell(self, job: Job) -> None:
        """One change: the whole job."""
        answer_json_line(job)


class BarView:
    """A bar for each job, on a terminal."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self._progress: Progress = Progress(
            TextColumn("{task.fields[id]}", markup=False),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[now]}", style="bold"),
            TimeElapsedColumn(),
            console=Console(stderr=True, highlight=False, emoji=False),
        )
        self._bars: dict[UUID, TaskID] = {}
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, jobs: Sequence[Job]) -> None:
        """Move the bars."""
        for job in jobs:
            colour = COLOURS[job.state]
            if job.id not in self._bars:
                name = clean(job.repository)
                name = name if len(name) <= NAME_WIDTH else f"…{name[-NAME_WIDTH:]}"
                self._bars[job.id] = self._progress.add_task(name, total=100, id=short(job.id), now="")
            bar = self._bars[job.id]
            percent = 100 if job.finished else job.progress
            self._progress.update(bar, completed=percent, now=f"[{colour}]{_escaped(line(job))}[/]")
            if job.finished:
                self._progress.stop_task(bar)


def line(job: Job) -> str:
    """What it is at, in a few words."""
    if job.state == "running":
        again = f", attempt {job.attempts}" if job.attempts > 1 else ""
        return f"{job.step} {job.progress} %{again}"
    told = f" ({job.reason})" if job.reason and job.state != "completed" else ""
    return f"{job.state}{told}"


def _escaped(text: str) -> str:
    return clean(text).replace("[", r"\[")
