"""From an IndexJob to what the queue is asked for, and from the queue's refusal to a typed reason. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from indexjob.outcome import Reason
from indexjob_operator.resource.model import RERUN, IndexJobSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

PLAIN_TOKEN = re.compile(r"[\x20-\x7e]{0,253}")
INVALID_DATA = "22"
NOT_ALLOWED = "42501"
TOO_LONG_FOR_AN_INDEX = "54000"


class UnreadableSpecError(Exception):
    """What was applied is no IndexJob to us; the message says why."""


def token_of(metadata: Mapping[str, Any]) -> str:
    """What the annotation says that asks for another run; empty without one. What is no plain word is known by its hash."""
    said = str((metadata.get("annotations") or {}).get(RERUN, ""))
    if PLAIN_TOKEN.fullmatch(said):
        return said
    return f"sha256:{hashlib.sha256(said.encode(errors='surrogatepass')).hexdigest()}"


def spec_of(said: Mapping[str, Any]) -> IndexJobSpec:
    """The spec, as the API server let it through.

    Raises:
        UnreadableSpecError: its definition is older or newer than this operator, and let through what we can't read.
    """
    try:
        return IndexJobSpec.model_validate(said)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise UnreadableSpecError(f"The spec can't be read: {problems}.") from None


def request_of(spec: IndexJobSpec, *, tenant: str, credentials_namespace: str | None) -> dict[str, Any]:
    """What `indexjob.apply_resource` takes. `credentials_namespace` is where its Secret may lie besides the one that Jobs run in."""
    options: dict[str, Any] = {
        "active_deadline_seconds": spec.active_deadline_seconds,
        "include": spec.include or None,
        "exclude": spec.exclude or None,
        "languages": sorted(spec.languages) if spec.languages else None,
    }
    if spec.credentials_secret_ref is not None:
        options["credentials_secret"] = spec.credentials_secret_ref.name
        options["credentials_namespace"] = credentials_namespace
    return {
        "repository": spec.repository,
        "revision": spec.revision,
        "priority": spec.priority,
        "backoff_limit": spec.backoff_limit,
        "profile": spec.profile,
        "tenant": tenant,
        "options": {name: value for name, value in options.items() if value is not None},
        "suspend": spec.suspend,
        "ttl_seconds_after_finished": spec.ttl_seconds_after_finished,
    }


def refusal_of(error: psycopg.Error | UnreadableSpecError) -> tuple[Reason, str] | None:
    """Why the queue will never take this request, with what to do; None if it may take it another time."""
    if isinstance(error, UnreadableSpecError):
        return Reason.INVALID_REQUEST, str(error)
    state = error.sqlstate or ""
    said = error.diag.message_primary or "the request is refused"
    sentence = " ".join(filter(None, (f"{said[:1].upper()}{said[1:]}.", error.diag.message_hint)))
    if state == NOT_ALLOWED:
        return Reason.TENANT_NOT_ALLOWED, sentence
    if state.startswith(INVALID_DATA) or state == TOO_LONG_FOR_AN_INDEX:
        return Reason.INVALID_REQUEST, sentence
    return None
