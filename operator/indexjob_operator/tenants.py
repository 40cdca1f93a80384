"""Writes the tenants' roles, caps and weights that the settings name into `indexjob.tenants`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg_pool import AsyncConnectionPool

    from indexjob_operator.settings import Share

WRITE = """
INSERT INTO indexjob.tenants AS t (name, role, cap, weight) VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET role = coalesce(excluded.role, t.role), cap = excluded.cap, weight = excluded.weight
WHERE (t.role, t.cap, t.weight) IS DISTINCT FROM (coalesce(excluded.role, t.role), excluded.cap, excluded.weight)
"""


async def write_tenants(pool: AsyncConnectionPool, shares: Mapping[str, Share]) -> None:
    """Make or change those that are named; a role that isn't named is left as it is."""
    async with pool.connection() as connection, connection.cursor() as cursor:
        for name, share in sorted(shares.items()):
            await cursor.execute(WRITE, (name, share.role, share.cap, share.weight))
