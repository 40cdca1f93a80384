"""From what each file imports to what each file needs, and who needs himself. Only if nobody has computed it before."""

from hashlib import sha256

from indexjob.index import Graph


def graph() -> Graph:
    """No dependencies: there are no resolvers yet."""
    return Graph(sha256(b"").digest(), ([], []))
