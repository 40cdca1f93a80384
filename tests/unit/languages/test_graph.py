"""Circles are found, one for each component, whatever the order and however long the chain."""

import random

from hypothesis import given
from hypothesis import strategies as st

from indexjob_worker.graph import components, cycles, graph_of
from indexjob_worker.model import Dependency

EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40)


def needs(*pairs: tuple[object, object]) -> list[Dependency]:
    return [Dependency(str(src), str(dst), "x", "internal") for src, dst in pairs]


def test_shortest_from_the_least_path() -> None:
    edges = needs(("c", "a"), ("a", "b"), ("b", "c"), ("b", "a"), ("y", "z"), ("z", "y"), ("a", "y"), ("q", "q"))
    assert cycles(edges) == [["a", "b"], ["y", "z"]]


def test_outside_and_missing_files_make_no_circle() -> None:
    assert cycles([Dependency("a", None, "os", "external"), *needs(("a", "b"))]) == []


@given(EDGES)
def test_each_component_has_one_true_circle(pairs: list[tuple[int, int]]) -> None:
    edges = needs(*pairs)
    reach = {(s, d) for s, d in pairs if s != d}
    for k in range(10):
        reach |= {(s, d) for s in range(10) for d in range(10) if (s, k) in reach and (k, d) in reach}
    expected = {frozenset(str(o) for o in range(10) if (o, n) in reach and (n, o) in reach) for n in range(10)}
    found = cycles(edges)
    assert {frozenset(c) for c in components(graph_of(edges)) if len(c) > 1} == expected - {frozenset()}
    assert len(found) == len(expected - {frozenset()})
    for circle in found:
        assert len(set(circle)) == len(circle) > 1
        assert circle[0] == min(next(c for c in expected if circle[0] in c))
        assert all((int(a), int(b)) in set(pairs) for a, b in zip(circle, [*circle[1:], circle[0]], strict=True))


@given(EDGES, st.randoms())
def test_order_does_not_matter(pairs: list[tuple[int, int]], dice: random.Random) -> None:
    edges = needs(*pairs)
    before = cycles(edges)
    dice.shuffle(edges)
    assert cycles(edges) == before


def test_a_long_chain() -> None:
    chain = [(f"{n:06}", f"{n + 1:06}") for n in range(50_000)]
    assert cycles(needs(*chain)) == []
    assert len(cycles(needs(*chain, ("050000", "000000")))[0]) == 50_001
