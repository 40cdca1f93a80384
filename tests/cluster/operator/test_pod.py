"""The operator as it is deployed: its image, its service account, two replicas."""

from __future__ import annotations

from tests.cluster.machine.commands import until
from tests.cluster.operator import pod
from tests.cluster.operator.world import World


def test_two_operators_in_pods_serve_both_doors_and_outlive_the_leaders_end(unchecked_world: World) -> None:
    world, space = unchecked_world, unchecked_world.space
    world.repository("one")
    urls = {f"{who}-url": world.database.logins[who] for who in ("operator", "worker")}
    space.apply(*pod.manifests(space.name, world.settings(), urls, replicas=2))
    assert space.cluster.holds("-n", space.name, "rollout", "status", f"deployment/{pod.NAME}", "--timeout=240s"), (
        space.story()
    )
    job = world.enqueue("one")
    world.apply("first", "one", revision="main")
    space.wait("indexjob/first", until="condition=Complete")
    assert world.wait_for_end(job)["state"] in ("completed", "skipped")
    (lease,) = world.rows("SELECT holder, epoch FROM indexjob.lease")
    leader = lease["holder"].split("/")[0]
    space("delete", "pod", leader, "--timeout=240s")
    world.wait(lambda: world.rows("SELECT FROM indexjob.lease WHERE epoch > %s", lease["epoch"]), "another leads", 30)
    second = world.enqueue("one", revision="main")
    assert world.wait_for_end(second)["state"] in ("completed", "skipped")
    world.settle()
    world.assert_sound()
    space("delete", "deployment", pod.NAME, "--cascade=foreground", "--timeout=240s")
    assert until(lambda: not world.rows("SELECT FROM pg_stat_activity WHERE usename LIKE 'operator_%%'"), seconds=240)
