"""What passes between the operator and the worker is read strictly, by both."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from indexjob.outcome import TERMINATION_MESSAGE_LIMIT, Outcome, Reason
from indexjob.run_spec import Limits, RunSpec
from indexjob.strict_json import MalformedError

SPEC = RunSpec(
    job_id=uuid4(),
    launch=2,
    tenant="team",
    repository="https://example.org/r",
    clone_url="https://example.org/r.git",
    include=("src/**", "Grüße"),
    deadline_seconds=60,
    known_commits={4: ("a" * 40,), 5: ()},
    limits=Limits(file_bytes=5, extractors=3),
)


def test_a_run_spec_is_read_back_whole() -> None:
    assert RunSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"launch": 0}, "launch must be more than 0"),
        ({"launch": True}, "launch is no int"),
        ({"launch": "2"}, "launch is no int"),
        ({"launch": None}, "launch is no int"),
        ({"job_id": "7"}, "job_id is no UUID"),
        ({"job_id": 7}, "job_id is no UUID"),
        ({"include": "src"}, "include is no tuple"),
        ({"include": ["src", 5]}, "include.1 is no str"),
        ({"known_commits": {"four": []}}, "known_commits.four is no int"),
        ({"limits": {"files": -1}}, "limits.files must be more than 0"),
        ({"limits": {"fileBytes": 1}}, "limits.fileBytes is no field of it"),
        ({"limits": []}, "limits is no object"),
        ({"secret": "x"}, "secret is no field of it"),
        ({"heartbeat_seconds": "1"}, "heartbeat_seconds is no float"),
    ],
)
def test_what_is_wrong_is_said_by_the_fields_name(change: dict[str, object], said: str) -> None:
    with pytest.raises(MalformedError, match=rf"^{said}$"):
        RunSpec.from_json(json.dumps(json.loads(SPEC.to_json()) | change))


def test_all_that_is_wrong_is_said() -> None:
    with pytest.raises(MalformedError, match=r"^tenant is no str; revision is no str$"):
        RunSpec.from_json(json.dumps(json.loads(SPEC.to_json()) | {"tenant": 1, "revision": 2}))


def test_what_has_no_default_must_be_there() -> None:
    with pytest.raises(MalformedError, match="job_id is missing; launch is missing"):
        RunSpec.from_json("{}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]",
        "null",
        b"\xff",
        "[" * 4000,
        '{"reason": NaN}',
        '{"reason": "Completed", "steps": {"clone": 1e999}}',
        "1" * 4096,
    ],
)
def test_what_is_no_outcome(text: str | bytes) -> None:
    """A termination message may hold anything."""
    with pytest.raises(MalformedError):
        Outcome.from_json(text)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3), st.data()
)
def test_no_field_of_an_outcome_can_make_it_fail_otherwise(value: object, data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(["reason", "message", "exit_code", "commit", "steps", "stats", "peak_memory_bytes"])
    )
    with suppress(MalformedError):
        Outcome.from_json(json.dumps({"reason": "Completed", name: value}))


def test_an_outcome_of_another_version_is_read() -> None:
    assert Outcome.from_json('{"reason": "Completed", "colour": 1}') == Outcome(reason=Reason.COMPLETED)


def test_a_sentence_that_is_too_long_is_cut() -> None:
    outcome = Outcome(reason=Reason.INTERNAL_ERROR, message="ä" * 5000, steps={"clone": 1.5}, stats={"files": 2})
    text = outcome.termination_message()
    assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    cut = Outcome.from_json(text)
    assert cut.message.endswith("ä …")
    assert replace(cut, message="") == replace(outcome, message="")


def test_an_administrator_writes_limits_in_camel_case_within_their_bounds() -> None:
    limits = TypeAdapter(Limits)
    assert limits.validate_python({"fileBytes": 7}) == limits.validate_python({"file_bytes": 7}) == Limits(file_bytes=7)
    for refused in ({"fileBytes": 0}, {"extractors": -1}, {"fileSeconds": 0}, {"colour": 1}):
        with pytest.raises(ValidationError):
            limits.validate_python(refused)


@pytest.mark.parametrize("command", ["clone", "index"])
def test_the_worker_starts_without_pydantic(command: str) -> None:
    """It takes longer to import than a small repository to index."""
    code = f"import sys, indexjob_worker.commands, indexjob_worker.{command}; print('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
