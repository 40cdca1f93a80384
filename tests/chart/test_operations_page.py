"""docs/operations.md: every reason, alert and value that it speaks of is there, and none is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generate.chart_values import Value, read
from indexjob.outcome import Reason
from indexjob_operator.profiles import Profile
from tests.chart.conftest import TOP
from tests.chart.test_monitoring import ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (TOP / "docs" / "operations.md").read_text()


def names(values: tuple[Value, ...]) -> Iterator[str]:
    for value in values:
        yield value.name
        yield from names(value.children)


def test_each_reason_is_told_what_to_do_about() -> None:
    first_columns = " ".join(re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE))
    told = set(re.findall(r"\w+", first_columns))
    assert {reason.value for reason in Reason} - told == set()


def test_each_alert_is_there() -> None:
    assert set(ALERTS.values()) == set(re.findall(r"\| (IndexJob\w+) \|", PAGE))


def test_the_values_that_it_names_are_the_charts() -> None:
    known = set(names(read())) | {f"queue.{name}" for name in ("concurrency", "leaseSeconds")}
    tops = {name.split(".")[0] for name in known}
    spoken = {name for name in re.findall(r"[`\s]([a-z]\w+(?:\.\w+)+)[`=]", PAGE) if name.split(".")[0] in tops}
    fields = {field.alias for field in Profile.model_fields.values()}
    assert spoken
    assert {name for name in spoken if name not in known and name.split(".")[0] not in fields} == set()
