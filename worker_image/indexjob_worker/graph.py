"""The graph of a commit's files: what goes round in circles.

All circles of a graph can be exponentially many, so each strongly connected component tells one: the shortest that
passes through its first path. Iterative, because a chain of imports may be as long as the repository is large.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

from indexjob_worker.model import Dependency

Graph = dict[str, list[str]]


def graph_of(dependencies: Iterable[Dependency]) -> Graph:
    """The internal dependencies as sorted neighbours of sorted paths. A file that names itself is no circle."""
    neighbours: dict[str, set[str]] = {}
    for src, dst, _, _ in dependencies:
        if dst is not None and dst != src:
            neighbours.setdefault(src, set()).add(dst)
    return {path: sorted(neighbours[path]) for path in sorted(neighbours)}


def cycles(dependencies: Iterable[Dependency]) -> list[list[str]]:
    """One shortest circle of each component that has any, sorted; it starts with the least path of the component.

    `['a', 'b']` says that a needs b and b needs a. The same dependencies give the same circles in any order.
    """
    return [paths for _, paths in circles(dependencies)]


def circles(dependencies: Iterable[Dependency]) -> list[tuple[int, list[str]]]:
    """The same, each with the size of its component: how many files all need each other."""
    graph = graph_of(dependencies)
    found = [(len(component), _shortest(graph, component)) for component in components(graph) if len(component) > 1]
    return sorted(found, key=itemgetter(1))


def components(graph: Graph) -> Iterator[list[str]]:
    """The strongly connected components (Tarjan 1972), with a stack of our own."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_paths: list[str] = []
    is_open: set[str] = set()
    for root in graph:
        if root in index:
            continue
        walk = [(root, iter(graph[root]))]
        low[root] = index[root] = len(index)
        open_paths.append(root)
        is_open.add(root)
        while walk:
            path, ahead = walk[-1]
            for neighbour in ahead:
                if neighbour not in index:
                    low[neighbour] = index[neighbour] = len(index)
                    open_paths.append(neighbour)
                    is_open.add(neighbour)
                    walk.append((neighbour, iter(graph.get(neighbour, ()))))
                    break
                if neighbour in is_open:
                    low[path] = min(low[path], index[neighbour])
            else:
                walk.pop()
                if walk:
                    below = walk[-1][0]
                    low[below] = min(low[below], low[path])
                if low[path] == index[path]:
                    component: list[str] = []
                    while not component or component[-1] != path:
                        component.append(open_paths.pop())
                    is_open.difference_update(component)
                    yield component


def _shortest(graph: Graph, component: list[str]) -> list[str]:
    inside = set(component)
    start = min(component)
    came_from: dict[str, str] = {}
    queue = deque([start])
    while queue:
        path = queue.popleft()
        for neighbour in graph.get(path, ()):
            if neighbour == start:
                circle = [path]
                while circle[-1] != start:
                    circle.append(came_from[circle[-1]])
                return circle[::-1]
            if neighbour in inside and neighbour not in came_from:
                came_from[neighbour] = path
                queue.append(neighbour)
    raise AssertionError("a component's paths reach each other")
