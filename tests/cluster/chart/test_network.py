"""The chart's policies, by connections that come through and that don't."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import yaml
from helm_python import Chart

from tests.cluster.chart.release import CHART, NAME, merged
from tests.cluster.choice import Cluster
from tests.cluster.fixtures import without
from tests.cluster.machine.commands import run
from tests.cluster.manifests import Manifest, pod
from tests.cluster.namespace import Namespace

PUBLIC = "203.0.113.7"  # for documentation: nobody's, and in none of the ranges that are private
SERVE = "exec python3 -c \"import http.server,threading\nfor p in (8080,9090): threading.Thread(target=http.server.HTTPServer(('',p),http.server.SimpleHTTPRequestHandler).serve_forever).start()\""
CONNECT = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"
RESOLVE = "import socket; socket.gethostbyname('kubernetes.default.svc.cluster.local')"
WORKER = {"app.kubernetes.io/managed-by": "indexjob", "app.kubernetes.io/component": "worker"}
OPERATOR = {"app.kubernetes.io/instance": NAME, "app.kubernetes.io/component": "operator"}


@pytest.fixture
def public_address(cluster: Cluster) -> Iterator[str]:
    """One that is this machine's for as long as the test lasts."""
    if cluster.components is None:
        without("only on the machine's own cluster can a public address be this machine's")
    run("ip", "address", "add", f"{PUBLIC}/32", "dev", "lo")
    yield PUBLIC
    run("ip", "address", "delete", f"{PUBLIC}/32", "dev", "lo")


@pytest.fixture
def ports() -> Iterator[tuple[int, int, int]]:
    """Three where this machine answers, at all of its addresses."""
    listeners = [socket.create_server(("", 0)) for _ in range(3)]
    for listener in listeners:
        threading.Thread(target=_take, args=(listener,), daemon=True).start()
    first, second, third = (listener.getsockname()[1] for listener in listeners)
    yield first, second, third
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _take(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            listener.accept()[0].close()


def apply_policies(space: Namespace, **policy: object) -> None:
    """Those of the chart, with these values."""
    values = merged({"database": {"existingSecret": "db"}}, {"networkPolicy": policy})
    with Chart.load(CHART) as chart:
        texts = chart.render(values, name=NAME, namespace=space.name)
    manifests = [one for path, text in texts.items() if "networkpolicy" in path for one in yaml.safe_load_all(text)]
    assert len(manifests) == 2
    space.apply(*manifests)


def labelled(name: str, image: str, labels: dict[str, str]) -> Manifest:
    serving = {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}
    made = pod(name, image, SERVE, container=serving)
    made["metadata"]["labels"] = labels
    return made


def test_connections_come_through_as_the_policies_say(
    namespace: Namespace, cluster: Cluster, address: str, public_address: str, ports: tuple[int, int, int]
) -> None:
    database, git, other = ports
    known = {"database": {"cidr": f"{address}/32", "port": database}, "git": {"ports": [git]}}
    apply_policies(namespace, **merged(known, {"git": {"privateRanges": [f"{address}/32"]}}))
    image = cluster.image
    namespace.apply(
        labelled("worker", image, WORKER),
        labelled("operator", image, OPERATOR),
        labelled("other", image, {"app": "other"}),
    )
    for name in ("worker", "operator", "other"):
        namespace.wait(f"pod/{name}", until="condition=Ready")
    service = json.loads(namespace.cluster("-n", "default", "get", "service", "kubernetes", "-o", "json"))
    api = (service["spec"]["clusterIP"], 443)
    ips = {one["metadata"]["name"]: one["status"]["podIP"] for one in namespace.list("pods")}

    def reaches(name: str, host: str, port: int) -> bool:
        words = ("exec", name, "--", "python3", "-c", CONNECT, host, str(port))
        return namespace.cluster.holds("-n", namespace.name, *words)

    through = {
        ("worker", address, database): True,
        ("worker", address, git): True,
        ("worker", address, other): False,
        ("worker", public_address, git): True,
        ("worker", public_address, database): False,
        ("worker", public_address, other): False,
        ("worker", *api): False,
        ("worker", ips["other"], 8080): False,
        ("operator", address, database): True,
        ("operator", *api): True,
        ("operator", address, git): False,
        ("operator", public_address, git): False,
        ("operator", ips["other"], 8080): False,
        ("other", ips["worker"], 8080): False,
        ("other", ips["operator"], 8080): True,
        ("other", ips["operator"], 9090): False,
        ("other", address, other): True,
    }
    assert {who: reaches(*who) for who in through} == through
    for name in ("worker", "operator"):
        assert namespace.cluster.holds("-n", namespace.name, "exec", name, "--", "python3", "-c", RESOLVE)

    apply_policies(namespace, **known)
    assert not reaches("worker", address, git), json.dumps(namespace.list("networkpolicies"))
    assert reaches("worker", public_address, git)
