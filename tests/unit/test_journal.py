"""Whatever is said in a worker is one JSON object a line, without credentials, and in the tail that its attempt keeps."""

import json
import logging
import threading
from collections.abc import Iterator

import pytest

from indexjob.scrub import Scrubber
from indexjob_worker.journal import Journal

LIBRARY = logging.getLogger("psycopg")


@pytest.fixture
def journal() -> Iterator[Journal]:
    """Hears the libraries as long as the test."""
    root, hook = logging.getLogger(), threading.excepthook
    handlers, level = root.handlers[:], root.level
    scrub = Scrubber()
    scrub.learn("canary-5f1c")
    journal = Journal(scrub)
    journal.about(job="7")
    journal.hear_libraries()
    yield journal
    root.handlers[:], threading.excepthook = handlers, hook
    root.setLevel(level)


def test_what_a_library_warns_of(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    LIBRARY.warning("error ignored terminating %r", "postgresql://me:canary-5f1c@h/d")
    line = capsys.readouterr().err
    assert journal.tail() == line.rstrip()
    told = json.loads(line)
    assert (told["level"], told["action"], told["job"]) == ("warning", "psycopg", "7")
    assert "canary" not in line


def test_a_librarys_error_with_its_traceback(journal: Journal) -> None:
    try:
        int("canary-5f1c")
    except ValueError:
        LIBRARY.exception("error processing a notice")
    told = json.loads(journal.tail())
    assert (told["level"], told["message"]) == ("error", "error processing a notice")
    assert told["traceback"].endswith("base 10: '***'\n")


def test_what_ends_a_thread(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(target=int, args=[[]])
    thread.start()
    thread.join()
    assert json.loads(capsys.readouterr().err)["action"] == "thread_ended"
    assert "TypeError" in journal.tail()
