"""The `index` command's steps, from a bare repository to a published snapshot. Data flows down; nothing is looked up.

Memory holds the commit's list of files and what is under way; contents and extractions come and go in batches. No
transaction is open while a file is read or parsed.
"""

from collections.abc import Iterator
from typing import Any, Final

from indexjob.index import (
    AlreadyPublishedError,
    Blob,
    BlobKey,
    Content,
    File,
    Graph,
    Launch,
)
from indexjob.outcome import Outcome, Reason
from indexjob.run_spec import RunSpec
from indexjob_worker.clock import Clock
from indexjob_worker.control import Control
from indexjob_worker.database import understood
from indexjob_worker.discover import Discovered, Found, discover, language, marks, sniff
from indexjob_worker.extractors import Extractors, Job
from indexjob_worker.flags import flags
from indexjob_worker.git.objects import Marks, Objects
from indexjob_worker.journal import Journal
from indexjob_worker.model import Extraction, FileStatus
from indexjob_worker.reporter import Reporter
from indexjob_worker.selection import Selection
from indexjob_worker.storage import Storage
from indexjob_worker.workspace import Cloned

FROM_DISCOVER, FROM_PARSE, FROM_DEPENDENCIES, FROM_STORE = 5.0, 10.0, 85.0, 95.0
"""Where the progress bar stands when a step begins; most of a run is extraction."""
NO_MARKS: Final = Marks()


class Pipeline:
    """One run. Its parts are made by the command, which also ends them."""

    def __init__(
        self,
        spec: RunSpec,
        storage: Storage,
        extractors: Extractors,
        reporter: Reporter,
        control: Control,
        journal: Journal,
    ) -> None:
        self.clock = Clock()
        self._spec = spec
        self._storage = storage
        self._extractors = extractors
        self._reporter = reporter
        self._control = control
        self._journal = journal

    def index(self, objects: Objects, cloned: Cloned, launch: Launch) -> Outcome:
        """Extract what is not known yet, and publish.

        Raises:
            RunError: what stands in the way, with its policy.
        """
        self.clock.add("clone", cloned.seconds)
        self._step("discover", FROM_DISCOVER)
        with self.clock.step("discover"):
            discovered = discover(objects, cloned.commit, Selection(self._spec), self._spec.limits)
            marked = marks(objects, cloned.commit, discovered)
            contents = self._known(discovered)
        self._step("parse", FROM_PARSE)
        with self.clock.step("extract"):
            lost = self._extract(objects, discovered, contents)
        self.clock.share("extract", self._extractors.seconds)
        files = [_file(found, contents, lost, marked) for found in discovered.files]
        self._step("dependencies", FROM_DEPENDENCIES)
        with self.clock.step("dependencies"):
            graph = self._graph(discovered, contents, objects)
        self._step("store", FROM_STORE)
        with self.clock.step("store"):
            return self._publish(launch, cloned.commit, files, graph)

    def unchanged(self, cloned: Cloned, launch: Launch) -> Outcome:
        """Let the revision show the snapshot that is there."""
        self.clock.add("clone", cloned.seconds)
        self._step("store", FROM_STORE)
        stats: dict[str, Any] = {}
        with self.clock.step("store"), understood(self._journal):
            try:
                stats = self._storage.writer.publish_unchanged(launch, cloned.commit, self.clock.seconds)
            except AlreadyPublishedError:
                self._journal.info("published_before", "An earlier attempt of this launch has published already")
        return self._outcome(Reason.UNCHANGED, cloned.commit, stats)

    def _known(self, discovered: Discovered) -> dict[BlobKey, Content]:
        with understood(self._journal):
            known = self._storage.writer.stored({found.key for found in discovered.wanted()})
        wanted = sum(1 for _ in discovered.wanted())
        self._journal.info(
            "discovered", "Looked at the commit", files=len(discovered.files), wanted=wanted, known=len(known)
        )
        return known

    def _extract(
        self, objects: Objects, discovered: Discovered, contents: dict[BlobKey, Content]
    ) -> dict[BlobKey, FileStatus]:
        """Fill `contents` with what was not known; the statuses of blobs that gave no extraction."""
        lost: dict[BlobKey, FileStatus] = {}
        todo = list({found.key: found for found in discovered.wanted() if found.key not in contents}.values())
        self._extractors.expect({found.key.language: language(found.key.language) for found in todo}.values())
        done = 0
        for job, result in self._extractors.run(self._jobs(objects, todo, lost)):
            self._control.check()
            if isinstance(result, Extraction):
                self._storage.add(_blob(job.key, len(job.source), result))
            else:
                lost[job.key] = result
            done += 1
            self._reporter.say("parse", FROM_PARSE + (FROM_DEPENDENCIES - FROM_PARSE) * done / len(todo))
        contents |= self._storage.finish()
        self._journal.info("extracted", "Extracted what was not known", blobs=done, lost=len(lost))
        return lost

    def _jobs(self, objects: Objects, todo: list[Found], lost: dict[BlobKey, FileStatus]) -> Iterator[Job[BlobKey]]:
        for found, source in zip(todo, objects.contents([found.sha for found in todo]), strict=True):
            status = "unreadable" if source is None else sniff(source)
            if source is None or status:
                lost[found.key] = status or "unreadable"
            else:
                yield Job(found.key, language(found.key.language), source)

    def _graph(self, discovered: Discovered, contents: dict[BlobKey, Content], objects: Objects) -> Graph:
        from indexjob_worker import dependencies  # noqa: PLC0415 - the first file need not wait for resolvers

        with understood(self._journal):
            return dependencies.graph(discovered.files, contents, objects, self._storage.writer)

    def _publish(self, launch: Launch, commit: str, files: list[File], graph: Graph) -> Outcome:
        stats: dict[str, Any] = {}
        self._control.check()
        with understood(self._journal):
            try:
                stats = self._storage.writer.publish(launch, commit, files, graph, self.clock.seconds)
            except AlreadyPublishedError:
                self._journal.info("published_before", "An earlier attempt of this launch has published already")
        return self._outcome(Reason.COMPLETED, commit, stats)

    def _outcome(self, reason: Reason, commit: str, stats: dict[str, Any]) -> Outcome:
        counts = {name: value for name, value in stats.items() if isinstance(value, int)}
        self._journal.info("published", "Published", commit=commit, reason=reason, **counts)
        return Outcome(reason=reason, commit=commit, stats=counts)

    def _step(self, name: str, progress: float) -> None:
        self._control.check()
        self._journal.about(step=name)
        self._reporter.say(name, progress)


def _blob(key: BlobKey, size: int, extraction: Extraction) -> Blob:
    return Blob(key, size, extraction.lines, extraction.status, *extraction[2:])


def _file(
    found: Found, contents: dict[BlobKey, Content], lost: dict[BlobKey, FileStatus], marked: dict[bytes, Marks]
) -> File:
    if found.status is not None:
        return File(found.path, found.path_raw, found.status, None, found.size)
    content = contents.get(found.key)
    if content is None:
        return File(found.path, found.path_raw, lost[found.key], None, found.size)
    told = flags(found.path, found.key.language, found.size or 0, content.lines, marked.get(found.path_raw, NO_MARKS))
    return File(found.path, found.path_raw, content.status, content.id, found.size, *told)
