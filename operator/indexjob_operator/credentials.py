"""Judges whether a Secret may serve an index job as its git credential. Pure.

A producer names a Secret and a host of his own choosing: without this he could have anyone's token sent to himself. So a Secret serves only what
it allows itself: `codeindex.dev/credential: "true"`, the hosts, and the tenants.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from indexjob_operator.manifests import GIT_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTED_IN = "codeindex.dev/credential"
HOSTS = "codeindex.dev/hosts"
TENANTS = "codeindex.dev/tenants"
_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?([^:/\s]+):")


class CredentialRefusedError(Exception):
    """The Secret is not there, not for this, or holds nothing that git could use; a sentence that says what to do."""


def host_of(clone_url: str) -> str:
    """The host that a credential would be sent to, in lower case, without its port; "" where there is none."""
    if "://" in clone_url:
        return (urlsplit(clone_url).hostname or "").lower()
    found = _SCP_LIKE.match(clone_url)
    return found[1].lower() if found else ""


def check(secret: Mapping[str, Any], *, tenant: str, clone_url: str) -> dict[str, bytes]:
    """The keys for git out of a Secret that allows this tenant and this host.

    Raises:
        CredentialRefusedError: it doesn't.
    """
    metadata = secret["metadata"]
    name = f'"{metadata["name"]}"'
    annotations = metadata.get("annotations") or {}
    if (metadata.get("labels") or {}).get(OPTED_IN) != "true":
        raise CredentialRefusedError(
            f'The Secret {name} is not meant for index jobs. Label it {OPTED_IN}="true", and name the hosts and tenants that it is for.'
        )
    host = host_of(clone_url)
    hosts = _listed(annotations.get(HOSTS))
    if not host or not any(_covers(allowed, host) for allowed in hosts):
        raise CredentialRefusedError(
            f'The Secret {name} is not for {host or "this repository"}. Name the host in its annotation {HOSTS} (now "{", ".join(hosts)}").'
        )
    tenants = _listed(annotations.get(TENANTS))
    if tenant not in tenants and "*" not in tenants:
        raise CredentialRefusedError(
            f'The Secret {name} is not for the tenant "{tenant}". Name the tenant in its annotation {TENANTS}.'
        )
    return _keys(name, secret.get("data") or {})


def missing(name: str, namespaces: list[str]) -> CredentialRefusedError:
    """The Secret is in none of the namespaces where it may lie."""
    where = " or ".join(f'"{namespace}"' for namespace in namespaces)
    return CredentialRefusedError(
        f'There is no Secret "{name}" in the namespace {where}. Make it there, or name another in credentials_secret.'
    )


def _keys(name: str, data: Mapping[str, str]) -> dict[str, bytes]:
    keys = {key: base64.b64decode(data[key]) for key in GIT_KEYS if data.get(key)}
    if not keys.keys() - {"username", "known_hosts"}:
        raise CredentialRefusedError(
            f"The Secret {name} has none of the keys that git needs: username and password, token, ssh-privatekey with known_hosts, or ca.crt."
        )
    return keys


def _covers(allowed: str, host: str) -> bool:
    """Hosts are named whole; "*.example.org" is every host below example.org."""
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _listed(annotation: str | None) -> list[str]:
    return [part for part in re.split(r"[,\s]+", (annotation or "").lower()) if part]
