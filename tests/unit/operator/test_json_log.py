"""What is logged is a JSON object a line, and no secret is in it."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from indexjob.scrub import Scrubber
from indexjob_operator import json_log


def logged(message: str, *values: object, raised: bool = False, **extra: object) -> dict[str, Any]:
    record = logging.getLogger("a.b").makeRecord(
        "a.b", logging.INFO, "f.py", 1, message, values, sys.exc_info() if raised else None, extra=extra
    )
    line = json_log.JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_its_action_and_the_job_that_it_is_about() -> None:
    line = logged("launched %s", "x", action="launched", job="4711", launch=2)
    assert (line["action"], line["message"], line["job"], line["launch"]) == ("launched", "launched x", "4711", 2)
    assert line["level"] == "info"
    assert line["time"].endswith("+00:00")


def test_without_an_action_it_is_the_loggers_name() -> None:
    assert logged("hello")["action"] == "a.b"


@pytest.mark.parametrize(
    "said",
    [
        "cloning https://user:hunter22@example.org/x failed",
        "cloning https://hunter22@example.org/x failed",
        "connection to postgresql://me:hunter22@db:5432/x failed",
        "host=db password=hunter22 dbname=x",
        "password='hunter22 with spaces'",
        "Authorization: Bearer hunter22hunter22",
        "authorization: basic aHVudGVyMjI6hunter22",
    ],
)
def test_secrets_are_in_no_line(said: str) -> None:
    assert "hunter22" not in json.dumps(logged(said, note=said))


def test_a_password_that_the_process_was_given_is_in_no_line_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_log, "scrub", Scrubber())
    json_log.conceal("postgresql://me:s%40cret-one@db/x", None, "host=db password=another-one")
    assert "s@cret-one" not in logged("it was s@cret-one")["message"]
    assert "another-one" not in logged("x", more="another-one")["more"]
    try:
        int("another-one")
    except ValueError:
        line = logged("failed", raised=True)
    assert line["error"] == "ValueError"
    assert "invalid literal for int() with base 10: '***'" in line["traceback"]


def test_what_json_does_not_know_is_told_as_text() -> None:
    assert logged("x", path={1, 2})["path"] in ("{1, 2}", "{2, 1}")
