"""What the cluster is made of: every process, its flags, its ports, and how to know that it serves."""

import ssl
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.cluster.machine import containers, network, toolchain
from tests.cluster.machine.api import Api
from tests.cluster.machine.commands import attempt
from tests.cluster.machine.daemon import Daemon
from tests.cluster.machine.place import GATEWAY, NODE, SERVICES, Place

REPOSITORY = Path(__file__).parents[3]
ETCD = "http://127.0.0.1:2379"

# In the order they start; those of one line start at once.
STAGES = (
    ("etcd", "containerd"),
    ("apiserver",),
    ("controller-manager", "scheduler", "kubelet", "proxy", "enforcer", "provisioner"),
)
# The kubelet first, so that nothing starts containers again; the API server when its clients are gone, or it waits.
ENDING = (
    "kubelet",
    "provisioner",
    "enforcer",
    "proxy",
    "scheduler",
    "controller-manager",
    "apiserver",
    "etcd",
    "containerd",
)


def all_of(place: Place) -> dict[str, Daemon]:
    made = (
        etcd(place),
        containerd(place),
        apiserver(place),
        controller_manager(place),
        scheduler(place),
        kubelet(place),
        proxy(place),
        enforcer(place),
        provisioner(place),
    )
    return {daemon.name: daemon for daemon in made}


def etcd(place: Place) -> Daemon:
    peers = "http://127.0.0.1:2380"
    argv = (
        "etcd",
        f"--data-dir={place.root}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={peers}",
    )
    return Daemon(place, "etcd", argv, _healthy(f"{ETCD}/health"), ports=(2379, 2380))


def containerd(place: Place) -> Daemon:
    argv = ("containerd", f"--config={place.conf}/containerd.toml")
    return Daemon(place, "containerd", argv, lambda: containers.answers(place))


def apiserver(place: Place) -> Daemon:
    pki = place.pki
    argv = (
        _binary("kube-apiserver"),
        f"--etcd-servers={ETCD}",
        "--bind-address=0.0.0.0",
        f"--advertise-address={GATEWAY}",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        "--kubelet-preferred-address-types=InternalIP",  # this and the next three: `kubectl logs` and `exec`
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-to-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-to-kubelet.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/service-account.crt",
        f"--service-account-signing-key-file={pki}/service-account.key",
        f"--audit-policy-file={place.conf}/audit.yaml",
        f"--audit-log-path={place.audit_log}",
        "--audit-log-maxsize=100000",  # MB; else another file is begun at 100, in the middle of a test that reads it
    )
    return Daemon(place, "apiserver", argv, lambda: Api(place).ready(), ports=(6443,))


def controller_manager(place: Place) -> Daemon:
    pki = place.pki
    argv = (
        _binary("kube-controller-manager"),
        f"--kubeconfig={place.kubeconfig('controller-manager')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki}/service-account.key",
        "--kube-api-qps=200",  # stock is 20 and 30: 9 Jobs' pods a second, and 4 s more to boot
        "--kube-api-burst=400",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        f"--flex-volume-plugin-dir={place.root}/volume-plugins",  # else it makes /usr/libexec/kubernetes
    )
    return Daemon(place, "controller-manager", argv, _healthy("https://127.0.0.1:10257/healthz"), ports=(10257,))


def scheduler(place: Place) -> Daemon:
    argv = (
        _binary("kube-scheduler"),
        f"--kubeconfig={place.kubeconfig('scheduler')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    )
    return Daemon(place, "scheduler", argv, _healthy("https://127.0.0.1:10259/readyz"), ports=(10259,))


def kubelet(place: Place) -> Daemon:
    argv = (
        _binary("kubelet"),
        f"--kubeconfig={place.kubeconfig('kubelet')}",
        f"--config={place.conf}/kubelet.yaml",
        f"--root-dir={place.root}/kubelet",
        f"--hostname-override={NODE}",
        f"--node-ip={GATEWAY}",  # a loopback address is refused
    )
    return Daemon(place, "kubelet", argv, lambda: _node_is_ready(place), ports=(10248, 10250))


def proxy(place: Place) -> Daemon:
    argv = (
        _binary("kube-proxy"),
        f"--kubeconfig={place.kubeconfig('proxy')}",
        f"--hostname-override={NODE}",
        "--proxy-mode=nftables",
        "--conntrack-max-per-core=0",  # this and the next two: leaves sysctls alone
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
        "--healthz-bind-address=127.0.0.1:10256",
    )
    return Daemon(place, "proxy", argv, _healthy("http://127.0.0.1:10256/healthz"), ports=(10249, 10256))


def enforcer(place: Place) -> Daemon:
    def ready() -> bool:
        return attempt("nft", "list", "table", "inet", network.ENFORCER_TABLE) is not None

    return _of_our_own(place, "enforcer", ready)


def provisioner(place: Place) -> Daemon:
    return _of_our_own(place, "provisioner", place.volumes.exists)


def _of_our_own(place: Place, name: str, ready: Callable[[], bool]) -> Daemon:
    argv = (sys.executable, "-m", f"tests.cluster.machine.{name}", str(place.root))
    return Daemon(place, name, argv, ready, extra=(("PYTHONPATH", str(REPOSITORY)),))


def _binary(name: str) -> str:
    return str(toolchain.binaries(toolchain.KUBERNETES) / name)


def _healthy(url: str) -> Callable[[], bool]:
    """Asks one of the node's own health pages, whose certificates are made up at each start."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def ask() -> bool:
        try:
            with urllib.request.build_opener(*handlers).open(url, timeout=2):
                return True
        except OSError:
            return False

    return ask


def _node_is_ready(place: Place) -> bool:
    try:
        conditions = Api(place).get(f"/api/v1/nodes/{NODE}")["status"].get("conditions", [])
    except OSError:
        return False
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
