"""What Prometheus reads, and when it raises an alarm: judged by Prometheus' own promtool."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import REGISTRY

from indexjob_operator import figures, metrics
from tests.chart.promtool import find
from tests.cluster.fixtures import without

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chart.conftest import Engine

ON = {"prometheusRule": {"enabled": True}}
ALERTS = {
    "backlog": "IndexJobBacklog",
    "oldestQueued": "IndexJobOldestQueued",
    "failureRate": "IndexJobFailureRate",
    "sweepStale": "IndexJobSweepStale",
    "noLeader": "IndexJobNoLeader",
}
SERIES = 'namespace="ij", service="indexjob-operator"'


def spec_of(render: Engine, *values: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = render(ON, *values).one("PrometheusRule", "indexjob-operator")["spec"]
    return spec


def names(spec: dict[str, Any]) -> set[str]:
    return {rule["alert"] for group in spec["groups"] for rule in group["rules"]}


@pytest.fixture(scope="module")
def promtool() -> str:
    if (found := find()) is None:
        without("there is no promtool here: it is in Debian's package prometheus")
    return str(found)


def test_nothing_of_it_is_there_unless_wanted(render: Engine) -> None:
    assert not render().names("ServiceMonitor")
    assert not render().names("PrometheusRule")


def test_the_service_monitor_selects_the_service_and_its_port(render: Engine) -> None:
    found = render({"serviceMonitor": {"enabled": True, "labels": {"release": "prom"}, "interval": "1m"}})
    monitor = found.one("ServiceMonitor", "indexjob-operator")
    service = found.one("Service", "indexjob-operator")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"] == [{"port": "http", "path": "/metrics", "interval": "1m"}]
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert service["spec"]["selector"].items() <= found.operator_pod["metadata"]["labels"].items()


@pytest.mark.parametrize("rule", ALERTS)
def test_each_alert_is_off_or_on_by_a_value(render: Engine, rule: str) -> None:
    assert names(spec_of(render)) == set(ALERTS.values())
    without_it = spec_of(render, {"prometheusRule": {rule: {"enabled": False}}})
    assert names(without_it) == set(ALERTS.values()) - {ALERTS[rule]}


def test_labels_of_ones_own_win(render: Engine) -> None:
    mine = {"enabled": True, "alertLabels": {"severity": "page", "team": "code"}}
    (group,) = render({"prometheusRule": mine}).one("PrometheusRule", "indexjob-operator")["spec"]["groups"]
    assert {(rule["labels"]["severity"], rule["labels"]["team"]) for rule in group["rules"]} == {("page", "code")}


def test_alerts_are_about_metrics_that_the_operator_has(render: Engine) -> None:
    known_from = (figures, metrics)  # once imported, they are registered
    assert all(known_from)
    known = {name for collector in REGISTRY._collector_to_names.values() for name in collector}
    rules = [rule["expr"] for group in spec_of(render)["groups"] for rule in group["rules"]]
    asked = set(re.findall(r"indexjob_\w+", str(rules)))
    assert asked
    assert asked <= known


def test_promtool_takes_them(render: Engine, promtool: str, tmp_path: Path) -> None:
    spec = spec_of(render, {"prometheusRule": {"alertLabels": {"team": "x"}}})
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    subprocess.run([promtool, "check", "rules", tmp_path / "rules.yaml"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("series", "alert"),
    [
        ({f'indexjob_jobs{{state="queued", tenant="a", {SERIES}}}': "60x60"}, None),
        ({f'indexjob_jobs{{state="queued", tenant="{t}", {SERIES}}}': "60x60" for t in "ab"}, "IndexJobBacklog"),
        ({f'indexjob_oldest_queued_seconds{{tenant="a", {SERIES}}}': "4000x60"}, "IndexJobOldestQueued"),
        (
            {
                f'indexjob_outcomes_total{{state="failed", reason="x", {SERIES}}}': "0+2x60",
                f'indexjob_outcomes_total{{state="completed", reason="y", {SERIES}}}': "0+10x60",
            },
            "IndexJobFailureRate",
        ),
        ({f'indexjob_outcomes_total{{state="completed", reason="y", {SERIES}}}': "0+10x60"}, None),
        ({f"indexjob_sweep_timestamp_seconds{{{SERIES}}}": "0x60"}, "IndexJobSweepStale"),
        ({f"indexjob_sweep_timestamp_seconds{{{SERIES}}}": "0+60x60"}, None),
        ({f'indexjob_leader{{pod="a", {SERIES}}}': "0x60"}, "IndexJobNoLeader"),
        ({f'indexjob_leader{{pod="{p}", {SERIES}}}': v for p, v in (("a", "0x60"), ("b", "1x60"))}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_alert_is_raised_when_it_should_be(
    render: Engine, promtool: str, tmp_path: Path, series: dict[str, str], alert: str | None
) -> None:
    """After an hour of these figures; all the other alerts are silent, for a leader leads unless it is said otherwise."""
    spec = spec_of(render)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    if not any(name.startswith("indexjob_leader") for name in series):
        series = series | {f'indexjob_leader{{pod="a", {SERIES}}}': "1x60"}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)',
                "eval_time": "1h",
                "exp_samples": [{"labels": "{}", "value": int(name == alert)}],
            }
            for name in sorted(names(spec))
        ],
    }
    (tmp_path / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]})
    )
    command = [promtool, "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
