"""What the API server refuses of an IndexJob, and the sentence that it then shows: rules in CEL, for there is no webhook.

They are no laxer on purpose than what `indexjob.enqueue` says about the same things, and need not be its equal: what slips through here is refused there.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def rule(cel: str, message: str) -> Schema:
    """One rule, as `x-kubernetes-validations` lists them."""
    return {"rule": cel, "message": message}


def rules(*those: Schema) -> Schema:
    """What a field's schema says besides."""
    return {"x-kubernetes-validations": list(those)}


def unchanging(field: str, *, optional: bool = False) -> Schema:
    """A field that defines the run. The rule stands on the spec: one on an optional field is not asked when the field comes or goes."""
    same = f"self.{field} == oldSelf.{field}"
    message = (
        f"{field} defines the run and can't be changed: make another IndexJob, or delete this one and apply it again"
    )
    if optional:
        same = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || {same})"
    return {**rule(same, message), "fieldPath": f".{field}"}


SCP = r"^[^/@:]+@[^/:]+:[^/]"
"""git@host:path, which is ssh."""
NAME = "[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?[.]?"
HOST = rf"({NAME}|\\[[0-9a-fA-F:.]+\\])"


def on_repository(cel: str, message: str) -> Schema:
    """A rule about the repository's URL. It stands on the spec: a rule on a field is refused with the field's value, and this one may hold a password."""
    return {**rule(cel, message), "fieldPath": ".repository"}


REPOSITORY = [
    on_repository(
        rf"self.repository.matches('^(?i:https|ssh)://') || self.repository.matches('{SCP}')",
        "repository must be an https or ssh URL, such as https://github.com/org/name or git@github.com:org/name.git",
    ),
    on_repository(
        r"!self.repository.matches('[\\s\\p{Z}\\p{Cc}]')", "repository must hold no spaces or control characters"
    ),
    on_repository(
        r"!self.repository.matches('^(?i:https)://[^/]*@') && !self.repository.matches('^(?i:ssh)://[^/@]*:[^/]*@')",
        "repository must hold no user name, password or token: keep it in a Secret and name that one in credentialsSecretRef",
    ),
    on_repository(
        "!self.repository.contains('?') && !self.repository.contains('#')",
        "repository must end with its path: take off what follows ? or #; the revision is a field of its own",
    ),
    on_repository(
        rf"self.repository.matches('^([A-Za-z]+://([^/@]*@)?{HOST}(:[0-9]{{1,5}})?(/|$)|[^/@:]+@{NAME}:)')",
        "repository must name a valid host, as in https://github.com/org/name",
    ),
    on_repository(
        r"!self.repository.matches('^([A-Za-z]+://[^/]*/*|[^/@:]+@[^/:]+:)([.]git)?/*$')",
        "repository must name a repository on its host, as in https://github.com/org/name",
    ),
    on_repository(r"!self.repository.matches('[/:][.][.]?(/|$)')", 'repository must hold no "." or ".." in its path'),
]

REVISION = rules(
    rule(
        r"!self.matches('^[-/]|[\\s\\p{Z}\\p{Cc}~^:?*\\[\\\\]|[.][.]|@[{]|//|[.]lock$|[/.]$')",
        "revision must be a branch, a tag, a full ref, a commit id or HEAD",
    ),
)

PROFILE = rules(
    rule(
        "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
        "profile must be the name of one of the administrator's profiles: lower-case letters, digits and dashes",
    )
)

SECRET = rules(
    rule(
        "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
        "name must be the name of a Secret: lower-case letters, digits, dots and dashes",
    )
)


def patterns(field: str) -> Schema:
    """Patterns of files: ordered, for a later one may take back what an earlier one said."""
    no_control = rule(
        r"self.all(pattern, !pattern.matches('\\p{Cc}'))",
        f"{field} must be patterns in .gitignore's syntax, such as src/**, without control characters",
    )
    return {"x-kubernetes-list-type": "atomic", **rules(no_control)}


SPEC = rules(
    *REPOSITORY,
    unchanging("repository"),
    unchanging("revision"),
    unchanging("profile"),
    unchanging("backoffLimit"),
    unchanging("credentialsSecretRef", optional=True),
    unchanging("activeDeadlineSeconds", optional=True),
    unchanging("include", optional=True),
    unchanging("exclude", optional=True),
    unchanging("languages", optional=True),
)
