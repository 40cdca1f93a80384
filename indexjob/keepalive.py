"""Has Postgres notice a client that is gone without a word: its node lost power, or its pod's network went before it could say goodbye.

By itself it takes two hours, for as long as the machine's TCP waits. Until then such a session keeps its locks, and its place among those that there are.
"""

NOTICE_WHO_IS_GONE = (
    "SELECT set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '30000', false)"
)
"""For a new connection: after half a minute. Poolers take it, unlike the same in the connection string; through one it is the pooler that is noticed."""
