"""Turns what git says on stderr into one typed error with one sentence. A pure function, and a table to read.

Only the type and our own words go on: a server can make git say anything, so its words are for the log alone.
"""

import re
from typing import NamedTuple

from indexjob_worker.errors import (
    AccessDeniedError,
    CorruptRepositoryError,
    NetworkError,
    NotARepositoryError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RunError,
    UnsupportedUrlError,
)


class _Complaint(NamedTuple):
    pattern: str
    error: type[RunError]
    sentence: str


_WITH_CREDENTIAL = "check that the credential is current and may read this repository."
_WITHOUT_CREDENTIAL = "check the URL; if it is private, name a credentials secret."

_BROKEN = "The server could not be reached, or broke off."

_DAMAGED = "The repository, or what the server sent of it, is damaged; run `git fsck` on it."

# The first that matches counts. {help} is what to do with, or without, a credential; {broken} and {damaged}
# stand in two places, since one fault makes git complain of others too.
_TABLE = [
    _Complaint(
        r"could not read (username|password)|terminal prompts disabled|authentication failed|"
        r"returned error: 401|http basic: access denied",
        AccessDeniedError,
        "The server asks who wants to know: there is no such repository, or it is private; {help}",
    ),
    _Complaint(
        r"returned error: 403|access denied|not authorized", AccessDeniedError, "The server refuses access; {help}"
    ),
    _Complaint(
        r"host key verification failed|host identification has changed|no .* host key is known",
        AccessDeniedError,
        "The ssh server's host key is not the one in known_hosts; check the host, then put its key in the secret.",
    ),
    _Complaint(
        r"permission denied \(|load key .*(invalid|error in libcrypto)|too many authentication failures",
        AccessDeniedError,
        "The ssh server does not accept the key; check that it has no passphrase and may read this repository.",
    ),
    _Complaint(
        r"ssl certificate problem|server certificate verification failed|certificate (verify|subject)|"
        r"ssl: no alternative certificate|unable to get local issuer|self.signed certificate",
        AccessDeniedError,
        "The server's certificate is not trusted; put its authority into the credentials secret as ca.crt.",
    ),
    _Complaint(
        r"unable to update url base from redirection|returned error: 30\d|redirect",
        RepositoryNotFoundError,
        "The server redirects to another address, which is not followed; give the repository's present URL.",
    ),
    _Complaint(
        r"repository '.*' not found|returned error: (404|410)|repository not found|project .* (was )?not found|"
        r"could not be found|does not exist|no such file or directory.*fatal: could not read|\bERR .*not found",
        RepositoryNotFoundError,
        "There is no such repository, or it is hidden from who asks; {help}",
    ),
    _Complaint(
        r"packfile .* (does not match index|cannot be accessed|is truncated)", CorruptRepositoryError, "{damaged}"
    ),
    _Complaint(
        r"couldn't find remote ref|not our ref|no such remote ref|unadvertised object|not a valid object name",
        RevisionNotFoundError,
        "The server has no such commit, or does not give commits by id; name a branch or tag.",
    ),
    _Complaint(
        r"transport '.*' not allowed|unable to find remote helper|protocol '.*' is not supported|"
        r"unsupported protocol|strange (pathname|hostname) '.*' blocked|url rejected",
        UnsupportedUrlError,
        "git does not clone from such a URL; give an https URL.",
    ),
    _Complaint(r"rpc failed|early eof|unexpected disconnect|transfer closed", NetworkError, "{broken}"),
    _Complaint(
        r"fsck error|invalid (commit|tree|blob|tag)|badtree|bad object|inflate|pack is corrupted|pack has bad|"
        r"unknown object type|pack signature mismatch|pack version|serious inflate|unresolved delta|hash mismatch|"
        r"sha1 (collision|mismatch)|did not receive expected object|did not send all necessary objects|"
        r"missing (tree|blob|commit)|object .* is corrupt|garbage at end of (pack|loose)|pack exceeds|"
        r"delta .*(mismatch|truncated)|packfile .* (corrupt|too small)|"
        r"remote error: upload-pack: .*(corrupt|missing|bad)|aborting due to possible repository corruption",
        CorruptRepositoryError,
        "{damaged}",
    ),
    _Complaint(
        r"does not appear to be a git repository|not valid: is this a git repository|invalid gitfile|"
        r"not a git repository|bad line length|protocol error|invalid (index-pack|server) response|"
        r"could not determine hash algorithm|expected (flush|service|ref|version)|unexpected response|malformed",
        NotARepositoryError,
        "That address answers, but it is no git repository; give the URL that `git clone` would take.",
    ),
    _Complaint(
        r"could not resolve host|failed to connect|couldn't connect|connection (refused|reset|timed out|closed)|"
        r"operation (timed out|too slow)|timed out|returned error: (408|425|429|5\d\d)|early eof|hung up|rpc failed|"
        r"remote end|empty reply|network is unreachable|no route to host|recv failure|send failure|transfer closed|"
        r"ssl_|gnutls|broken pipe|disconnect|name or service not known|temporary failure|kex_exchange|"
        r"unable to access|unable to connect",
        NetworkError,
        "{broken}",
    ),
]


def understand(stderr: str, *, credential_used: bool) -> RunError:
    """The error behind a failed git that talked to a server.

    What is not understood is a NetworkError: trying again is bounded, giving up on a passing fault is not mended.
    """
    said = re.sub(r"\s+", " ", stderr).lower()
    advice = _WITH_CREDENTIAL if credential_used else _WITHOUT_CREDENTIAL
    for complaint in _TABLE:
        if re.search(complaint.pattern.lower(), said):
            return complaint.error(complaint.sentence.format(help=advice, broken=_BROKEN, damaged=_DAMAGED))
    return NetworkError("git could not fetch from the server, for a reason that the attempt's log tells.")
