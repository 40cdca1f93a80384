"""Fits what a worker may take on to the container that it gets: its extraction children to memory and CPUs, its clone to the workspace. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from indexjob.run_spec import MIB
from indexjob_operator.quantities import amount, in_bytes

if TYPE_CHECKING:
    from indexjob.run_spec import Limits
    from indexjob_operator.profiles import Profile

OURS = 384 * MIB
"""The worker itself, its zygote, git's packs in memory, and Postgres' rows on their way."""
A_CHILD = 384 * MIB
"""What an extraction child should have; address space, of which the grammars alone take a third."""
LEAST_FOR_A_CHILD = 256 * MIB
MOST_CHILDREN = 4
"""Where no limit of CPUs says how many: more wait for Postgres anyway."""
SHARE_OF_WORKSPACE = 0.9
"""The rest is for what isn't the clone: a volume's own overhead, git's temporary files."""


def fitted(profile: Profile, memory_bytes: int | None) -> Limits:
    """The profile's limits, within the container that has so much memory."""
    limits = profile.limits
    cpus = profile.resources.limits.cpu
    children = limits.extractors or (math.ceil(amount(cpus)) if cpus else MOST_CHILDREN)
    each = limits.extractor_memory_bytes
    if memory_bytes is not None:
        theirs = max(memory_bytes - OURS, LEAST_FOR_A_CHILD)
        children = max(1, min(children, theirs // A_CHILD))
        each = min(each, max(theirs // children, LEAST_FOR_A_CHILD))
    return replace(
        limits,
        extractors=children,
        extractor_memory_bytes=each,
        clone_bytes=min(limits.clone_bytes, int(in_bytes(profile.workspace.size) * SHARE_OF_WORKSPACE)),
    )
