"""Circles are found, one for each component, however long the chain."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from indexjob_worker.graph import Edges, circles, components

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40)


def edges_of(pairs: Iterable[tuple[int, int]]) -> Edges:
    neighbours: dict[int, list[int]] = {}
    for source, target in pairs:
        neighbours.setdefault(source, []).append(target)
    edges = Edges()
    for source in sorted(neighbours):
        edges.add(source, neighbours[source])
    return edges


def cycles(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    return [circle for _, circle in circles(edges_of(pairs))]


def test_shortest_from_the_first_file() -> None:
    pairs = [(3, 1), (1, 2), (2, 3), (2, 1), (8, 9), (9, 8), (1, 8), (7, 7)]
    assert circles(edges_of(pairs)) == [(3, [1, 2]), (2, [8, 9])]


@given(PAIRS)
def test_each_component_has_one_true_circle(pairs: list[tuple[int, int]]) -> None:
    reach = {(s, d) for s, d in pairs if s != d}
    for k in range(10):
        reach |= {(s, d) for s in range(10) for d in range(10) if (s, k) in reach and (k, d) in reach}
    expected = {frozenset(o for o in range(10) if (o, n) in reach and (n, o) in reach) for n in range(10)}
    found = cycles(pairs)
    assert {frozenset(c) for c in components(edges_of(pairs)) if len(c) > 1} == expected - {frozenset()}
    assert len(found) == len(expected - {frozenset()})
    for circle in found:
        assert len(set(circle)) == len(circle) > 1
        assert circle[0] == min(next(c for c in expected if circle[0] in c))
        assert all(pair in set(pairs) for pair in zip(circle, [*circle[1:], circle[0]], strict=True))


def test_a_long_chain() -> None:
    chain = [(n, n + 1) for n in range(50_000)]
    assert cycles(chain) == []
    assert len(cycles([*chain, (50_000, 0)])[0]) == 50_001
