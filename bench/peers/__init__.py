"""The queues that ours is measured beside, as they come: pg-boss on Node, procrastinate on psycopg."""
