"""What tests may do to the control plane and to the way to it, and that work goes on afterwards."""

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.cluster.audit import Audit
from tests.cluster.choice import Cluster
from tests.cluster.components import Components
from tests.cluster.machine.commands import until
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.manifests import job
from tests.cluster.namespace import Namespace
from tests.cluster.proxy import ApiProxy


@pytest.mark.parametrize("name", ["apiserver", "etcd", "kubelet", "controller-manager"])
def test_a_running_job_outlives_the_restart_of_a_component(
    namespace: Namespace, cluster: Cluster, components: Components, name: str
) -> None:
    namespace.apply(job("lives", cluster.image, "sleep 4; echo done"))
    namespace.wait("job/lives", until="jsonpath={.status.ready}=1")
    components.restart(name)
    namespace.wait("job/lives", until="condition=Complete")
    assert namespace.logs("job/lives") == "done\n"
    assert len(namespace.list("pods", "job-name=lives")) == 1


def test_nothing_is_made_of_a_job_while_the_controller_manager_is_stopped(
    namespace: Namespace, cluster: Cluster, components: Components
) -> None:
    with components.without("controller-manager"):
        namespace.apply(job("waits", cluster.image, "true"))
        with pytest.raises(AssertionError):
            namespace.wait("job/waits", until="jsonpath={.status.active}=1", seconds=2)
    namespace.wait("job/waits", until="condition=Complete")


def test_a_crashed_api_server_is_away_until_it_is_started(namespace: Namespace, components: Components) -> None:
    components.crash("apiserver")
    assert not namespace.cluster.holds("get", "--raw", "/readyz")
    components.start("apiserver")
    assert namespace.cluster("get", "--raw", "/readyz") == "ok"


def test_a_component_that_does_not_come_up_shows_the_end_of_its_log(components: Components) -> None:
    components.stop("scheduler")
    kubeconfig = components.place.kubeconfig("scheduler")
    whole = kubeconfig.read_text()
    kubeconfig.write_text(whole.replace('"current-context": "indexjob"', '"current-context": "nowhere"'))
    try:
        with pytest.raises(Exception, match=r"(?s)scheduler ended.*scheduler\.log ends:.*specified context: nowhere"):
            components.start("scheduler")
    finally:
        kubeconfig.write_text(whole)


def test_the_proxy_cuts_open_connections_and_every_new_one(api_proxy: tuple[ApiProxy, Path]) -> None:
    proxy, kubeconfig = api_proxy
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as opened:
        assert until(lambda: proxy.connections == 1, seconds=240)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            opened.recv(1)
    refused = pytest.raises(ConnectionResetError)  # by the handshake's end or just after it
    with refused, socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as new:
        new.recv(1)
    proxy.mend()
    assert Kubectl(kubeconfig)("get", "--raw", "/readyz") == "ok"


def test_the_proxy_slows_a_request_down_and_freezes_one_without_a_word(api_proxy: tuple[ApiProxy, Path]) -> None:
    proxy, kubeconfig = api_proxy
    through = Kubectl(kubeconfig)
    proxy.slow(0.5)
    began = time.monotonic()
    assert through("get", "--raw", "/readyz") == "ok"
    assert time.monotonic() - began > 1.0  # there and back, the handshake apart
    proxy.mend()
    proxy.freeze()
    with through.begin("get", "--raw", "/readyz") as asking:
        with pytest.raises(subprocess.TimeoutExpired):
            asking.wait(timeout=2)
        proxy.mend()
        assert asking.communicate(timeout=10)[0] == "ok"


def test_the_audit_log_says_who_did_what(namespace: Namespace, audit: Audit, cluster: Cluster) -> None:
    namespace.apply(job("seen", cluster.image, "true"))
    namespace.wait("job/seen", until="condition=Complete")
    (made,) = audit.events(namespace=namespace.name, verb="create", resource="jobs")
    assert (
        made["user"]["username"]
        == json.loads(namespace("auth", "whoami", "-o", "json"))["status"]["userInfo"]["username"]
    )
    (by_controller, *_) = audit.events(namespace=namespace.name, verb="create", resource="pods")
    assert by_controller["user"]["username"] == "system:serviceaccount:kube-system:job-controller"
    audit.forget()
    assert audit.events(namespace=namespace.name, resource="jobs", verb="create") == []
