"""Keeps a list of Kubernetes objects as the API server has it, for the cluster's own two helpers."""

import http.client
import sys
import threading
import time

from tests.cluster.machine.api import Api, Thing

PAUSE = 0.2  # seconds between two tries while the API server is away


class Kept:
    """The objects of some paths, by path and uid; `changed` is set whenever one of them was.

    Reading `of` gives a snapshot: following never changes a dictionary, it replaces it.
    """

    def __init__(self, api: Api, *paths: str) -> None:
        self.changed = threading.Event()
        self._api = api
        self._things: dict[str, dict[str, Thing]] = {}
        self._paths = paths

    def follow(self) -> None:
        for path in self._paths:
            threading.Thread(target=self._follow, args=(path,), daemon=True).start()

    @property
    def complete(self) -> bool:
        return len(self._things) == len(self._paths)

    def of(self, path: str) -> list[Thing]:
        return list(self._things.get(path, {}).values())

    def _follow(self, path: str) -> None:
        while True:
            try:
                self._once(path)
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                print(f"{path}: {error!r}; listing again", file=sys.stderr, flush=True)
                time.sleep(PAUSE)

    def _once(self, path: str) -> None:
        listed = self._api.get(path)
        self._keep(path, {thing["metadata"]["uid"]: thing for thing in listed["items"]})
        for event in self._api.watch(path, listed["metadata"]["resourceVersion"]):
            if event["type"] == "BOOKMARK":
                continue
            thing = event["object"]
            uid = thing["metadata"]["uid"]  # KeyError: the watch ended with a Status
            others = {key: kept for key, kept in self._things[path].items() if key != uid}
            self._keep(path, others if event["type"] == "DELETED" else {**others, uid: thing})

    def _keep(self, path: str, things: dict[str, Thing]) -> None:
        self._things[path] = things
        self.changed.set()
