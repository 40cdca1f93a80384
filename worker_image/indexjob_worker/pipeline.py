"""The `index` command's steps, from a bare repository to a published snapshot. Data flows down; nothing is looked up.

Memory holds what is under way: files, contents and extractions come and go in batches, and what is known of them is in the catalog. No
transaction is open while a file is read or parsed.
"""

from collections.abc import Iterator
from typing import Any

from indexjob.index import AlreadyPublishedError, Blob, BlobKey, File, Graph
from indexjob.outcome import Outcome, Reason
from indexjob.run_spec import RunSpec
from indexjob_worker.catalog import Catalog, Known
from indexjob_worker.clock import Clock
from indexjob_worker.control import Control
from indexjob_worker.database import understood
from indexjob_worker.discover import discover, language, sniff
from indexjob_worker.extractors import Extractors, Job
from indexjob_worker.flags import flags
from indexjob_worker.git.objects import Objects
from indexjob_worker.journal import Journal
from indexjob_worker.model import Extraction
from indexjob_worker.reporter import Reporter
from indexjob_worker.selection import Selection
from indexjob_worker.storage import Storage
from indexjob_worker.workspace import Cloned

FROM_DISCOVER, FROM_PARSE, FROM_DEPENDENCIES, FROM_STORE = 5.0, 10.0, 85.0, 95.0
"""Where the progress bar stands when a step begins; most of a run is extraction."""


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

    def index(self, objects: Objects, cloned: Cloned, catalog: Catalog) -> Outcome:
        """Extract what is not known yet, and publish. The catalog is empty.

        Raises:
            RunError: what stands in the way, with its policy.
        """
        self.clock.add("clone", cloned.seconds)
        self._step("discover", FROM_DISCOVER)
        with self.clock.step("discover"):
            discover(objects, cloned.commit, Selection(self._spec), self._spec.limits, catalog)
            self._know(catalog)
        self._step("parse", FROM_PARSE)
        with self.clock.step("extract"):
            self._extract(objects, catalog)
        self.clock.share("extract", self._extractors.seconds)
        self._step("dependencies", FROM_DEPENDENCIES)
        with self.clock.step("dependencies"):
            graph = self._graph(objects, catalog)
        self._step("store", FROM_STORE)
        with self.clock.step("store"):
            return self._publish(cloned.commit, catalog, graph)

    def unchanged(self, cloned: Cloned) -> Outcome:
        """Let the revision show the snapshot that is there."""
        self.clock.add("clone", cloned.seconds)
        self._step("store", FROM_STORE)
        stats: dict[str, Any] = {}
        with self.clock.step("store"), understood(self._journal):
            try:
                stats = self._storage.writer.publish_unchanged(cloned.commit, self.clock.seconds)
            except AlreadyPublishedError:
                self._journal.info("published_before", "An earlier attempt of this launch has published already")
        return self._outcome(Reason.UNCHANGED, cloned.commit, stats)

    def _know(self, catalog: Catalog) -> None:
        known = 0
        with understood(self._journal):
            for keys in catalog.unknown():
                found = self._storage.writer.stored(keys)
                catalog.keep(found)
                known += len(found)
        self._journal.info("discovered", "Looked at the commit", files=len(catalog), wanted=catalog.wanted, known=known)

    def _extract(self, objects: Objects, catalog: Catalog) -> None:
        """What is not known yet."""
        todo = catalog.count_unknown()
        most = sum(todo.values())
        self._extractors.expect(map(language, todo))
        done = extracted = 0
        for job, result in self._extractors.run(self._jobs(objects, catalog)):
            self._control.check()
            if isinstance(result, Extraction):
                self._storage.add(_blob(job.key, len(job.source), result))
                extracted += 1
            else:
                catalog.lose(job.key, result)
            self._keep(catalog)
            done += 1
            self._reporter.say("parse", FROM_PARSE + (FROM_DEPENDENCIES - FROM_PARSE) * done / most)
        self._storage.finish()
        self._keep(catalog)
        self._journal.info("extracted", "Extracted what was not known", blobs=done, lost=most - extracted)

    def _keep(self, catalog: Catalog) -> None:
        for contents in self._storage.stored():
            catalog.keep(contents)

    @staticmethod
    def _jobs(objects: Objects, catalog: Catalog) -> Iterator[Job[BlobKey]]:
        wanted = ((key, key.blob_sha) for keys in catalog.unknown() for key in keys)
        for key, source in objects.contents(wanted):
            status = "unreadable" if source is None else sniff(source)
            if source is None or status:
                catalog.lose(key, status or "unreadable")
            else:
                yield Job(key, language(key.language), source)

    def _graph(self, objects: Objects, catalog: Catalog) -> Graph:
        from indexjob_worker import dependencies  # noqa: PLC0415 - the first file need not wait for resolvers

        with understood(self._journal):
            return dependencies.graph(catalog, objects, self._storage.writer)

    def _publish(self, commit: str, catalog: Catalog, graph: Graph) -> Outcome:
        stats: dict[str, Any] = {}
        self._control.check()
        with understood(self._journal):
            try:
                stats = self._storage.writer.publish(commit, _Files(catalog), graph, self.clock.seconds)
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


class _Files:
    """The catalog's entries as the index wants them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __len__(self) -> int:
        return len(self._catalog)

    def __iter__(self) -> Iterator[File]:
        return map(_file, self._catalog)


def _file(known: Known) -> File:
    path, raw, size, status, content_id, lines, in_language, marks = known
    told = () if content_id is None else flags(path, in_language, size or 0, lines, marks)
    return File(path, raw, status, content_id, size, *told)
