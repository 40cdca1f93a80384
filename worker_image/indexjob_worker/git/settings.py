"""All of git's configuration and environment, made from nothing: what the machine or the user has set does not count.

It is one file rather than arguments or variables, since some of it is secret.
"""

import os
from pathlib import Path

from indexjob_worker.git.address import Address

LOW_SPEED_BYTES = 1000
LOW_SPEED_SECONDS = 60
BIG_FILE = "1m"
"""Blobs above this are streamed to disk instead of being held in memory."""

# Old commits, and tools that nobody uses any more, are full of these; none matters to somebody who only reads.
HARMLESS_FLAWS = (
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "emptyName",
    "fullPathname",
    "gitattributesLarge",
    "gitattributesLineLength",
    "gitmodulesBlob",
    "gitmodulesLarge",
    "gitmodulesMissing",
    "gitmodulesName",
    "gitmodulesParse",
    "gitmodulesPath",
    "gitmodulesSymlink",
    "gitmodulesUpdate",
    "gitmodulesUrl",
    "hasDot",
    "hasDotdot",
    "hasDotgit",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "nullSha1",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)
"""Checks that guard a checkout or a push. There is no checkout here: a path named `.git` is but a row."""


def configuration(address: Address, extra: list[tuple[str, str]]) -> str:
    """The text of git's only configuration file for fetching from `address`."""
    settings = [
        ("protocol.allow", "never"),
        (f"protocol.{address.protocol}.allow", "always"),
        ("http.followRedirects", "false"),
        ("http.lowSpeedLimit", str(LOW_SPEED_BYTES)),
        ("http.lowSpeedTime", str(LOW_SPEED_SECONDS)),
        ("http.sslVerify", "true"),
        ("credential.helper", ""),
        ("transfer.fsckObjects", "true"),
        *((f"fetch.fsck.{flaw}", "ignore") for flaw in HARMLESS_FLAWS),
        ("transfer.bundleURI", "false"),
        ("fetch.unpackLimit", "1"),
        ("fetch.recurseSubmodules", "false"),
        ("fetch.writeCommitGraph", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),
        ("core.attributesFile", os.devnull),
        ("core.bigFileThreshold", BIG_FILE),
        ("core.protectNTFS", "false"),
        ("init.defaultBranch", "main"),
        ("pack.threads", "2"),
        *((("safe.directory", "*"),) if address.protocol == "file" else ()),
        *extra,
    ]
    return "".join(f"[{_section(key)}]\n\t{key.rpartition('.')[2]} = {_quoted(value)}\n" for key, value in settings)


def environment(private: Path) -> dict[str, str]:
    """The whole environment of git's processes. It holds no secret: anyone of the same user can read it."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.fspath(private),
        "XDG_CONFIG_HOME": os.fspath(private),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.fspath(private / "gitconfig"),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PROTOCOL_FROM_USER": "0",
        "LC_ALL": "C",
        **{
            name: os.environ[name]
            for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
            if name in os.environ
        },
    }


def write(private: Path, text: str) -> None:
    """Keep the configuration where `environment` says that it is, for our eyes only."""
    descriptor = os.open(private / "gitconfig", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _section(key: str) -> str:
    section, _, subsection = key.rpartition(".")[0].partition(".")
    return f'{section} "{_escaped(subsection)}"' if subsection else section


def _quoted(value: str) -> str:
    return f'"{_escaped(value)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
