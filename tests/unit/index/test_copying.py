"""References are laid out as binary COPY has them, whatever their numbers look like."""

from __future__ import annotations

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from indexjob.index.copying import Fields, packed_references
from indexjob.index.rows import ReferenceRow, columns_of

NUMBERS = st.sampled_from([0, 4, 255, 1024, 0x04FF_FFFF, 0x0004_FFFF, 0x7F00_0000, 2**31 - 1]) | st.integers(
    0, 2**31 - 1
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["call", "property"]),
        st.text(max_size=5),
        NUMBERS,
        NUMBERS,
        *[st.none() | NUMBERS] * 3,
    ),
    max_size=8,
)


def field(data: bytes | None) -> bytes:
    return pack(">i", -1) if data is None else pack(">i", len(data)) + data


def plainly(content_id: int, row: ReferenceRow) -> bytes:
    kind, name, *numbers = row
    fields = [
        pack(">q", content_id),
        kind.encode(),
        *(None if n is None else pack(">i", n) for n in numbers),
        name.encode(),
    ]
    return pack(">h", len(fields)) + b"".join(map(field, fields))


@given(content_id=st.sampled_from([1, 0x4_FFFF_FFFF]) | st.integers(1, 2**63 - 1), rows=ROWS)
def test_references_are_rows_of_binary_copy(content_id: int, rows: list[ReferenceRow]) -> None:
    packed = packed_references(content_id, columns_of(rows), Fields())
    assert packed == b"".join(plainly(content_id, row) for row in rows)
