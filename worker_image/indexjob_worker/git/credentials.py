"""Reads the mounted git credential and turns it into settings and files of git: never an argument, never a variable.

A Secret of type basic-auth has `username` and `password`; `password` alone or `token` is a bearer token; ssh-auth has
`ssh-privatekey`, with `known_hosts` beside it; `ca.crt` may come with either.
"""

import base64
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from indexjob.scrub import Scrubber
from indexjob_worker.errors import AccessDeniedError, InvalidRunSpecError
from indexjob_worker.git.address import Address

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
KEYS = ("username", "password", "token", "ssh-privatekey", "known_hosts", "ca.crt")


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What the Secret holds; None where it has no such key. Without repr: it is not to be shown."""

    username: str | None = None
    password: str | None = None
    token: str | None = None
    ssh_private_key: str | None = None
    known_hosts: str | None = None
    ca: str | None = None

    @property
    def used(self) -> bool:
        """Whether there is something to show to a server."""
        return bool(self.password or self.token or self.ssh_private_key)


def read(directory: Path | None, scrub: Scrubber) -> Credential:
    """The credential in a mounted directory; an empty one without a directory.

    Raises:
        InvalidRunSpecError: the directory was named but cannot be read, or holds no key that we know.
        AccessDeniedError: a value could not be sent as it is.
    """
    if directory is None:
        return Credential()
    try:
        texts = {key: (directory / key).read_text() for key in KEYS if (directory / key).is_file()}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRunSpecError("The mounted git credential cannot be read as text.") from error
    if not texts:
        raise InvalidRunSpecError(
            f"The credentials secret has none of the keys {', '.join(KEYS)}; use type basic-auth or ssh-auth."
        )
    # Newlines at the end come from editors and `echo`, they are no part of the secret.
    lines = {key: texts[key].rstrip("\r\n") for key in ("username", "password", "token") if key in texts}
    key = texts.get("ssh-privatekey", "")
    scrub.learn(*(lines.get(name, "") for name in ("password", "token")), key)
    if any(_CONTROL.search(value) for value in lines.values()):
        raise AccessDeniedError("The credentials secret has a control character in username, password or token.")
    return Credential(
        username=lines.get("username") or None,
        password=lines.get("password") or None,
        token=lines.get("token") or None,
        ssh_private_key=key or None,
        known_hosts=texts.get("known_hosts") or None,
        ca=texts.get("ca.crt") or None,
    )


def settings(credential: Credential, address: Address, private: Path, scrub: Scrubber) -> list[tuple[str, str]]:
    """Settings that make git use the credential, for this origin alone; files that they name are made in `private`.

    Raises:
        AccessDeniedError: the credential is not of the kind that the address needs.
    """
    if address.protocol == "ssh":
        return [("core.sshCommand", _ssh_command(credential, private))]
    found: list[tuple[str, str]] = []
    if credential.ca:
        found.append(("http.sslCAInfo", _keep(private / "ca.crt", credential.ca)))
    elif authorities := os.environ.get("GIT_SSL_CAINFO") or os.environ.get("SSL_CERT_FILE"):
        found.append(("http.sslCAInfo", authorities))
    header = _authorization(credential)
    if header and address.protocol in ("https", "http"):
        scrub.learn(header.split(" ")[-1])
        found.append((f"http.{address.origin}/.extraHeader", header))
    return found


def _authorization(credential: Credential) -> str | None:
    if credential.username and credential.password:
        pair = f"{credential.username}:{credential.password}".encode()
        return f"Authorization: Basic {base64.b64encode(pair).decode()}"
    bearer = credential.token or credential.password
    return f"Authorization: Bearer {bearer}" if bearer else None


def _ssh_command(credential: Credential, private: Path) -> str:
    if not credential.ssh_private_key:
        raise AccessDeniedError("An ssh URL needs a credentials secret with the key ssh-privatekey, or use https.")
    if not credential.known_hosts:
        raise AccessDeniedError("The credentials secret has no known_hosts, so the ssh server could be anyone; add it.")
    # ssh refuses a key that others may read, as mounted Secrets are, and one without a last newline.
    key = _keep(private / "key", credential.ssh_private_key.rstrip("\n") + "\n")
    hosts = _keep(private / "known_hosts", credential.known_hosts)
    options = {
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "UserKnownHostsFile": hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": "30",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "4",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
    }
    command = ["ssh", "-F", "/dev/null", "-i", key, *(f"-o{name}={value}" for name, value in options.items())]
    return shlex.join(command)


def _keep(path: Path, text: str) -> str:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return os.fspath(path)
