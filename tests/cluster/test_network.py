"""Pods reach what they may reach, by address and by name, and nothing that a policy denies."""

import pytest

from tests.cluster.choice import Cluster
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.manifests import Manifest, pod, service
from tests.cluster.namespace import Namespace

PORT = 8080
ANSWER = "pong"
SERVER = f"mkdir /workspace/www; cd /workspace/www; echo {ANSWER} >ping; exec python3 -m http.server {PORT}"
EMPTY: Manifest = {"emptyDir": {}}
SERVING = {"readinessProbe": {"httpGet": {"path": "/ping", "port": PORT}, "periodSeconds": 1}}
GET = (
    "import sys, urllib.request as r; print(r.urlopen(f'http://{sys.argv[1]}/ping', timeout=3).read().decode(), end='')"
)


def policy(name: str, selector: Manifest, **spec: object) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": selector, **spec},
    }


def of(name: str) -> Manifest:
    return {"matchLabels": {"app": name}}


@pytest.fixture
def pair(namespace: Namespace, cluster: Cluster) -> Namespace:
    """A server behind a Service, and a client that waits to be told what to do."""
    server = pod("server", cluster.image, SERVER, volume=EMPTY, container=SERVING)
    namespace.apply(server, service("server", PORT), pod("client", cluster.image, "sleep 600"))
    namespace.wait("pod/server", until="condition=Ready")
    namespace.wait("pod/client", until="condition=Ready")
    return namespace


def reaches(namespace: Namespace, address: str) -> bool:
    """Whether the client gets the server's answer there; the answer, not only a connection."""
    words = ("-n", namespace.name, "exec", "client", "--", "python3", "-c", GET, address)
    return namespace.cluster.holds(*words)


def cluster_ip(namespace: Namespace) -> str:
    return str(namespace.get("service/server")["spec"]["clusterIP"])


def pod_ip(namespace: Namespace) -> str:
    return str(namespace.get("pod/server")["status"]["podIP"])


def test_a_service_is_reached_by_clusterip_and_by_name(pair: Namespace) -> None:
    assert reaches(pair, cluster_ip(pair))
    assert reaches(pair, "server")
    assert reaches(pair, f"server.{pair.name}.svc.cluster.local")
    assert not reaches(pair, "nobody")


def test_a_denied_connection_is_denied_until_the_policy_goes(pair: Namespace) -> None:
    address = f"{pod_ip(pair)}:{PORT}"
    assert reaches(pair, address)
    pair.apply(policy("closed", of("server"), policyTypes=["Ingress"]))
    assert not reaches(pair, address)
    assert not reaches(pair, cluster_ip(pair))
    pair("delete", "networkpolicy", "closed")
    assert reaches(pair, address)


def test_egress_reaches_dns_and_what_is_named_and_nothing_else(pair: Namespace, cluster: Cluster) -> None:
    """The shape of a worker's policy: cluster DNS, and one more destination."""
    dns = {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }
    allowed = {"to": [{"podSelector": of("server")}], "ports": [{"port": PORT}]}
    pair.apply(pod("other", cluster.image, SERVER, volume=EMPTY, container=SERVING))
    pair.wait("pod/other", until="condition=Ready")
    other = f"{pair.get('pod/other')['status']['podIP']}:{PORT}"
    assert reaches(pair, other)
    pair.apply(policy("worker", of("client"), policyTypes=["Egress"], egress=[dns, allowed]))
    assert reaches(pair, "server")
    assert not reaches(pair, other)
    kubernetes = "import socket; socket.create_connection(('kubernetes.default', 443), timeout=3)"
    assert not pair.cluster.holds("-n", pair.name, "exec", "client", "--", "python3", "-c", kubernetes)


def test_a_policy_holds_from_a_pods_first_packet_on(pair: Namespace, cluster: Cluster) -> None:
    pair.apply(policy("closed", of("early"), policyTypes=["Egress"]))
    attempts = f'for i in 1 2 3; do python3 -c "{GET}" $SERVER && exit 1; done; exit 0'
    target = {"env": [{"name": "SERVER", "value": f"{pod_ip(pair)}:{PORT}"}]}
    pair.apply(pod("early", cluster.image, attempts, container=target))
    pair.wait("pod/early", until="jsonpath={.status.phase}=Succeeded")


def test_a_policy_that_the_tests_enforcer_cannot_read_cuts_its_namespace_off(
    pair: Namespace, cluster: Cluster, kubectl: Kubectl
) -> None:
    """No test may pass on a policy that was not read; another namespace goes on."""
    if cluster.components is None:
        pytest.skip("this cluster has a policy engine of its own")
    odd = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["elsewhere"]}]}
    assert reaches(pair, f"{pod_ip(pair)}:{PORT}")
    pair.apply(policy("odd", odd, policyTypes=["Ingress"]))
    assert not reaches(pair, f"{pod_ip(pair)}:{PORT}")
    assert f"refused {pair.name}/odd: matchExpressions is not understood" in cluster.components.log("enforcer")
    assert kubectl.holds("-n", "kube-system", "get", "--raw", "/readyz")
