"""The cluster's certificates and the kubeconfigs that carry them.

One authority signs all: the servers' certificates name every address they are reached at, the clients' say by
organisation and name which Kubernetes role each has.
"""

import base64
import json

from tests.cluster.machine.commands import run
from tests.cluster.machine.place import API, GATEWAY, KUBERNETES, NODE, Place

CLIENTS = {  # the file's name: who it is
    "admin": "/O=system:masters/CN=admin",
    "apiserver-to-kubelet": "/O=system:masters/CN=kube-apiserver",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "kubelet": f"/O=system:nodes/CN=system:node:{NODE}",
    "proxy": "/CN=system:kube-proxy",
    "enforcer": "/O=system:masters/CN=enforcer",
    "provisioner": "/O=system:masters/CN=provisioner",
}
SERVICE_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
AUTHORITY = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def make(place: Place) -> None:
    """Writes every certificate, key and kubeconfig of the cluster."""
    place.pki.mkdir(mode=0o700)
    _sign(place, "ca", "/CN=indexjob-test", *AUTHORITY)
    _sign(place, "service-account", "/CN=service-account")  # only its key pair is used
    names = [f"DNS:{name}" for name in (*SERVICE_NAMES, "localhost")]
    addresses = [f"IP:{address}" for address in ("127.0.0.1", GATEWAY, KUBERNETES)]
    _sign(place, "apiserver", "/CN=kube-apiserver", *_issued(place, "serverAuth", *addresses, *names))
    of_node = _issued(place, "serverAuth", f"IP:{GATEWAY}", f"DNS:{NODE}")
    _sign(place, "kubelet-server", f"/CN=system:node:{NODE}", *of_node)
    for name, subject in CLIENTS.items():
        _sign(place, name, subject, *_issued(place, "clientAuth"))
        _write_kubeconfig(place, name)


def _issued(place: Place, usage: str, *alternatives: str) -> list[str]:
    """Signed by the authority, for one usage, at these addresses and names."""
    signer = ["-CA", f"{place.pki}/ca.crt", "-CAkey", f"{place.pki}/ca.key"]
    limits = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", f"extendedKeyUsage={usage}"]
    reached_at = ["-addext", f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    return [*signer, *limits, *reached_at]


def _sign(place: Place, name: str, subject: str, *more: str) -> None:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{place.pki}/{name}.key"]
    run("openssl", "req", "-x509", *key, "-days", "365", "-subj", subject, "-out", f"{place.pki}/{name}.crt", *more)


def _write_kubeconfig(place: Place, name: str) -> None:
    def inline(file: str) -> str:
        return base64.b64encode((place.pki / file).read_bytes()).decode()

    cluster = {"server": API, "certificate-authority-data": inline("ca.crt")}
    user = {"client-certificate-data": inline(f"{name}.crt"), "client-key-data": inline(f"{name}.key")}
    path = place.kubeconfig(name)
    path.touch(mode=0o600)
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": NODE,
                "clusters": [{"name": NODE, "cluster": cluster}],
                "users": [{"name": name, "user": user}],
                "contexts": [{"name": NODE, "context": {"cluster": NODE, "user": name}}],
            }
        )
    )
