"""The graph of a commit's files, which are numbers here: what goes round in circles.

All circles of a graph can be exponentially many, so each strongly connected component tells one: the shortest that
passes through its first file. Iterative, because a chain of imports may be as long as the repository is large; and in
arrays of four bytes a number, because all of it has to be known at once.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter


class Edges:
    """Which file needs which: the neighbours of all, one behind the other."""

    def __init__(self) -> None:
        self.above = 0
        """Greater than the number of any file here."""
        self._targets = array("I")
        self._starts = array("I", [0])
        """Where in `_targets` each file's begin, and where the last one's end."""

    def add(self, source: int, targets: Iterable[int]) -> None:
        """The neighbours of a file; later calls are for later files. A file that needs itself is no circle."""
        while len(self._starts) <= source:
            self._starts.append(len(self._targets))
        neighbours = sorted(set(targets) - {source})
        self._targets.extend(neighbours)
        self._starts.append(len(self._targets))
        self.above = max(self.above, *(one + 1 for one in (source, *neighbours[-1:])))

    def of(self, source: int) -> Sequence[int]:
        """The neighbours of a file, sorted."""
        known = source + 1 < len(self._starts)
        return self._targets[self._starts[source] : self._starts[source + 1]] if known else ()

    def sources(self) -> Iterator[int]:
        """Files with neighbours."""
        return (source for source, (start, end) in enumerate(pairwise(self._starts)) if start < end)


def circles(edges: Edges) -> list[tuple[int, list[int]]]:
    """One shortest circle of each component that has any, sorted, with the component's size: how many files all need each other.

    It starts with the least file of the component: `[1, 2]` says that 1 needs 2 and 2 needs 1.
    """
    found = [(len(component), _shortest(edges, component)) for component in components(edges) if len(component) > 1]
    return sorted(found, key=itemgetter(1))


def components(edges: Edges) -> Iterator[list[int]]:
    """The strongly connected components of what has neighbours, and of these (Tarjan 1972), with a stack of our own."""
    count = edges.above
    index = array("I", bytes(4 * count))
    low = array("I", bytes(4 * count))
    is_open = bytearray(count)
    open_files: list[int] = []
    visited = 0
    for root in edges.sources():
        if index[root]:
            continue
        walk = [(root, iter(edges.of(root)))]
        visited += 1
        low[root] = index[root] = visited
        open_files.append(root)
        is_open[root] = 1
        while walk:
            file, ahead = walk[-1]
            for neighbour in ahead:
                if not index[neighbour]:
                    visited += 1
                    low[neighbour] = index[neighbour] = visited
                    open_files.append(neighbour)
                    is_open[neighbour] = 1
                    walk.append((neighbour, iter(edges.of(neighbour))))
                    break
                if is_open[neighbour]:
                    low[file] = min(low[file], index[neighbour])
            else:
                walk.pop()
                if walk:
                    below = walk[-1][0]
                    low[below] = min(low[below], low[file])
                if low[file] == index[file]:
                    component: list[int] = []
                    while not component or component[-1] != file:
                        component.append(open_files.pop())
                        is_open[component[-1]] = 0
                    yield component


def _shortest(edges: Edges, component: list[int]) -> list[int]:
    inside = set(component)
    start = min(component)
    came_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        file = queue.popleft()
        for neighbour in edges.of(file):
            if neighbour == start:
                circle = [file]
                while circle[-1] != start:
                    circle.append(came_from[circle[-1]])
                return circle[::-1]
            if neighbour in inside and neighbour not in came_from:
                came_from[neighbour] = file
                queue.append(neighbour)
    raise AssertionError("a component's files reach each other")
