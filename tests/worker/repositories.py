"""Makes real git repositories, from files in memory, without a checkout: any mode and any path bytes will do."""

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


class Repository:
    """A bare repository that is written by fast-import."""

    def __init__(self, path: Path, branch: str = "main") -> None:
        self.path = path
        self.branch = branch
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments], check=False, cwd=self.path, env=ENVIRONMENT, input=stdin, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="surrogateescape").strip()

    def commit(self, files: dict, modes: dict | None = None, branch: str | None = None, message: str = "m") -> str:
        """Commit exactly these files (path -> content); returns the commit's id."""
        branch = branch or self.branch
        out = [b"commit refs/heads/%s\n" % branch.encode()]
        out += [
            b"committer A <a@example.com> 1767225600 +0000\n",
            b"data %d\n%s\n" % (len(message.encode()), message.encode()),
        ]
        if self._tip(branch):
            out.append(b"from refs/heads/%s^0\n" % branch.encode())
        out.append(b"deleteall\n")
        for path, content in files.items():
            raw = path if isinstance(path, bytes) else path.encode()
            data = content if isinstance(content, bytes) else content.encode()
            mode = (modes or {}).get(path, "100644").encode()
            if mode == b"160000":
                out.append(b"M 160000 %s %s\n" % (data, _quoted(raw)))
            else:
                out.append(b"M %s inline %s\ndata %d\n%s\n" % (mode, _quoted(raw), len(data), data))
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(out))
        return self._tip(branch)

    def _tip(self, branch: str) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


def _quoted(path: bytes) -> bytes:
    escaped = b"".join(b"\\%03o" % c if c < 32 or c > 126 or c in b'"\\' else bytes([c]) for c in path)
    return b'"%s"' % escaped
