"""What an end is recorded by without asking for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from indexjob_operator import names
from indexjob_operator.runtime import shown
from indexjob_operator.runtime.protocol import LaunchKey
from indexjob_operator.runtime.shown import Shown
from tests.unit.operator.launches import INSTANCE, KEY, job, pod, true

LABELS = names.labels_of(INSTANCE, KEY)


def over(failed: int = 1, **metadata: Any) -> dict[str, Any]:
    made = job(true("Failed"), labels=LABELS, **metadata)
    made["status"]["failed"] = failed
    return made


def ended(uid: str = "u1", **labels: str) -> dict[str, Any]:
    return pod("Failed", uid=uid, metadata={"uid": uid, "labels": LABELS | labels})


def test_an_end_is_known_once_the_job_and_all_of_its_pods_were_shown() -> None:
    heard = Shown(INSTANCE)
    heard.hear(over(failed=2))
    assert heard.ended(KEY) is None
    for uid in ("u1", "u1"):  # the same one
        heard.hear(ended(uid))
        assert heard.ended(KEY) is None
    heard.hear(ended("u2"))
    assert heard.ended(KEY) == (over(failed=2), [ended("u1"), ended("u2")])
    assert heard.ended(LaunchKey(KEY.job_id, KEY.launch + 1)) is None
    heard.forget(KEY)
    assert heard.ended(KEY) is None


def test_what_has_not_ended_is_on_its_way_out_or_is_another_databases_says_nothing() -> None:
    heard = Shown(INSTANCE)
    heard.hear(job(labels=LABELS))
    heard.hear(pod(metadata={"uid": "u1", "labels": LABELS}))
    heard.hear(job(true("Failed")))
    assert heard.ended(KEY) is None
    heard.hear(over())
    heard.hear(ended(**{names.INSTANCE: str(UUID(int=8))}))
    assert heard.ended(KEY) is None
    heard.hear(ended())
    assert heard.ended(KEY)
    heard.hear(over(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert heard.ended(KEY) is None


def test_of_very_many_the_first_are_forgotten() -> None:
    heard, many = Shown(INSTANCE), shown.MOST_LAUNCHES + 1
    for launch in range(1, many + 1):
        labels = names.labels_of(INSTANCE, LaunchKey(KEY.job_id, launch))
        heard.hear(job(true("Complete"), labels=labels))
    known = [launch for launch in range(1, many + 1) if heard.ended(LaunchKey(KEY.job_id, launch))]
    assert known == list(range(2, many + 1))
