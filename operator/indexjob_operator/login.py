"""Who this process is for the Kubernetes API: its pod's service account, else the current context of the kubeconfig."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import kopf
from kubernetes.aio import client, config

if TYPE_CHECKING:
    from datetime import datetime

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


async def load() -> client.Configuration:
    """The API server's address and this process's credentials, read afresh."""
    found = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config(client_configuration=found)  # type: ignore[no-untyped-call]
    return found


async def connection_info(expiration: datetime) -> kopf.ConnectionInfo:
    """The same for kopf, to be asked for anew at `expiration`.

    Raises:
        kopf.LoginError: there is neither of the two.
    """
    try:
        found = await load()
    except (config.ConfigException, OSError) as error:
        msg = f"There is neither a service account nor a kubeconfig to use: {error}"
        raise kopf.LoginError(msg) from error
    scheme, _, token = (await found.get_api_key_with_prefix("BearerToken") or "").strip().partition(" ")
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        username=found.username or None,
        password=found.password or None,
        scheme=scheme or None,
        token=token or None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
        expiration=expiration,
    )


def own_namespace() -> str | None:
    """Of the pod that this is; None outside of one."""
    if named := os.environ.get("POD_NAMESPACE"):
        return named
    with suppress(OSError):
        return NAMESPACE_FILE.read_text().strip() or None
    return None
