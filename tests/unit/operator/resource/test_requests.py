"""From what was applied to what the queue is asked for."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors

from indexjob_operator.resource.model import IndexJobSpec
from indexjob_operator.resource.requests import UnreadableSpecError, refusal_of, request_of, spec_of, token_of
from indexjob_operator.resource.seen import Seen


def test_all_that_may_be_asked_for() -> None:
    spec = IndexJobSpec.model_validate(
        {
            "repository": "https://x/y", "revision": "v1", "credentialsSecretRef": {"name": "key"}, "profile": "large", "priority": 5,
            "backoffLimit": 1, "activeDeadlineSeconds": 60, "suspend": True, "ttlSecondsAfterFinished": 7, "include": ["src/**"],
            "exclude": ["*.min.js"], "languages": ["python", "go"],
        }
    )  # fmt: skip
    assert request_of(spec, tenant="t", credentials_namespace="n") == {
        "repository": "https://x/y", "revision": "v1", "priority": 5, "backoff_limit": 1, "profile": "large", "tenant": "t", "suspend": True,
        "ttl_seconds_after_finished": 7,
        "options": {
            "credentials_secret": "key", "credentials_namespace": "n", "active_deadline_seconds": 60, "include": ["src/**"],
            "exclude": ["*.min.js"], "languages": ["go", "python"],
        },
    }  # fmt: skip


def test_what_is_left_out_is_no_option_so_that_equal_requests_are_equal() -> None:
    """A namespace says nothing where no Secret is named: two namespaces of one tenant may share a run."""
    spec = IndexJobSpec(repository="https://x/y", include=[], languages=[])
    assert request_of(spec, tenant="t", credentials_namespace="n")["options"] == {}


@pytest.mark.parametrize(
    ("annotations", "token"),
    [
        (None, ""),
        ({}, ""),
        ({"codeindex.dev/rerun": "2026-01-01"}, "2026-01-01"),
        ({"other": "x"}, ""),
        ({"codeindex.dev/rerun": ""}, ""),
    ],
)
def test_the_token_is_what_the_annotation_says(annotations: dict[str, str] | None, token: str) -> None:
    assert token_of({"annotations": annotations}) == token


@given(st.text(max_size=600))
def test_any_token_fits_into_a_key_and_tells_itself_apart(said: str) -> None:
    token = token_of({"annotations": {"codeindex.dev/rerun": said}})
    assert len(token) <= 253
    assert token.isprintable() or token == ""
    assert token_of({"annotations": {"codeindex.dev/rerun": said + "x"}}) != token


def test_a_spec_that_a_looser_definition_let_through_is_refused_with_a_sentence() -> None:
    with pytest.raises(UnreadableSpecError, match="repository: Field required"):
        spec_of({"revision": "x"})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.InvalidParameterValue, "InvalidRequest"),
        (errors.UntranslatableCharacter, "InvalidRequest"),
        (errors.ProgramLimitExceeded, "InvalidRequest"),
        (errors.InsufficientPrivilege, "TenantNotAllowed"),
        (errors.LockNotAvailable, None),
        (errors.SerializationFailure, None),
        (errors.CheckViolation, None),
        (psycopg.OperationalError, None),
    ],
)
def test_a_refusal_is_told_from_trouble(error: type[psycopg.Error], reason: str | None) -> None:
    found = refusal_of(error("said"))
    assert (found and found[0]) == reason


def resource(status: dict[str, object], generation: int = 1, token: str = "") -> dict[str, object]:
    metadata = {
        "uid": "u",
        "namespace": "n",
        "name": "j",
        "resourceVersion": "7",
        "generation": generation,
        "annotations": {"codeindex.dev/rerun": token},
    }
    return {"metadata": metadata, "spec": {"repository": "https://x/y"}, "status": status}


@pytest.mark.parametrize(
    ("status", "generation", "token", "news"),
    [
        ({}, 1, "", True),
        ({"state": "queued", "observedGeneration": 1}, 1, "", False),
        ({"state": "queued", "observedGeneration": 1}, 2, "", True),
        ({"state": "queued", "observedGeneration": 1}, 1, "again", True),
        ({"state": "completed", "observedGeneration": 1, "lastHandledRerun": "again"}, 1, "again", False),
        ({"state": "completed", "observedGeneration": 1, "lastHandledRerun": "again"}, 1, "", True),
    ],
)
def test_the_spec_is_kept_only_while_the_queue_does_not_know_of_it(
    status: dict[str, object], generation: int, token: str, news: bool
) -> None:
    seen = Seen.of(resource(status, generation, token))
    assert (seen.spec is not None) == news
    assert seen.status == status
