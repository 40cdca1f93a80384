"""Measures every figure that the project states, beside its goal.

One file a subject; each has `measure(server)`, which gives figures one after the other and cleans up after itself. What is compared is measured in
short alternating rounds on the same server, and the figure is the median of the rounds' ratios: other work on the machine then hits both sides.
A new subject is a file and its name in `SUBJECTS`.
"""

SUBJECTS = (
    *("queue_enqueue", "queue_wakeup", "queue_peers", "queue_claim", "latency"),
    *("index_extraction", "index_store", "index_growth", "index_reading"),
    *("cluster_launch", "cluster_finish", "cluster_throughput", "cluster_scale", "cluster_idle", "cluster_worker"),
)
