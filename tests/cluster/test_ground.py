"""The ground that everything else stands on: Jobs, containers, volumes, as a real Kubernetes treats them."""

from tests.cluster.choice import Cluster
from tests.cluster.fixtures import without
from tests.cluster.machine.commands import until
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.manifests import Manifest, job
from tests.cluster.namespace import Namespace


def only_pod(namespace: Namespace, name: str) -> Manifest:
    (pod,) = namespace.list("pods", f"job-name={name}")
    return pod


def terminated(pod: Manifest) -> Manifest:
    ended: Manifest = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return ended


def reason(namespace: Namespace, name: str) -> str:
    """Why the Job failed, as its condition says."""
    conditions = namespace.get(f"job/{name}")["status"]["conditions"]
    (failed,) = [condition["reason"] for condition in conditions if condition["type"] == "Failed"]
    return str(failed)


def test_a_job_writes_to_its_emptydir_as_a_real_non_root_process(namespace: Namespace, cluster: Cluster) -> None:
    script = "id -u; cat /proc/self/cgroup >/workspace/x; wc -c </workspace/x; cat /proc/mounts"
    namespace.apply(job("writes", cluster.image, script, volume={"emptyDir": {"sizeLimit": "10Mi"}}))
    namespace.wait("job/writes", until="condition=Complete")
    user, size, *mounts = namespace.logs("job/writes").splitlines()
    assert user == "65532"
    assert int(size) > 0
    assert any(line.split()[1] == "/workspace" for line in mounts)


def test_backofflimit_retries_that_often_in_a_new_pod_each(namespace: Namespace, cluster: Cluster) -> None:
    namespace.apply(job("retries", cluster.image, "exit 75", backoffLimit=1))
    namespace.wait("job/retries", until="condition=Failed")
    pods = namespace.list("pods", "job-name=retries")
    assert [terminated(pod)["exitCode"] for pod in pods] == [75, 75]
    assert reason(namespace, "retries") == "BackoffLimitExceeded"


def test_exit_code_65_fails_the_job_at_once_under_podfailurepolicy(namespace: Namespace, cluster: Cluster) -> None:
    permanent = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [65]}}
    namespace.apply(job("bad", cluster.image, "exit 65", backoffLimit=6, podFailurePolicy={"rules": [permanent]}))
    namespace.wait("job/bad", until="condition=Failed")
    assert terminated(only_pod(namespace, "bad"))["exitCode"] == 65
    assert reason(namespace, "bad") == "PodFailurePolicy"


def test_the_termination_message_is_read_back_whole(namespace: Namespace, cluster: Cluster) -> None:
    script = "python3 -c \"print('x' * 4096, end='')\" >/dev/termination-log"
    namespace.apply(job("tells", cluster.image, script))
    namespace.wait("job/tells", until="condition=Complete")
    assert terminated(only_pod(namespace, "tells"))["message"] == "x" * 4096


def test_a_pod_without_memory_is_killed_and_says_so(namespace: Namespace, cluster: Cluster) -> None:
    limit = {"limits": {"memory": "32Mi"}}
    script = "exec python3 -c \"x = b'x' * (256 << 20)\""
    namespace.apply(job("eats", cluster.image, script, backoffLimit=0, container={"resources": limit}))
    namespace.wait("job/eats", until="condition=Failed")
    ended = terminated(only_pod(namespace, "eats"))
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


def test_an_emptydir_is_gone_when_its_pod_has_ended(namespace: Namespace, cluster: Cluster) -> None:
    """The volume's files go though the pod object stays; looked at on the node, where the tests have one."""
    if cluster.components is None:
        without("the node's disk is out of reach on this cluster")
    namespace.apply(job("leaves", cluster.image, "echo secret >/workspace/file", volume={"emptyDir": {}}))
    namespace.wait("job/leaves", until="condition=Complete")
    pod = only_pod(namespace, "leaves")
    volumes = cluster.components.place.root / "kubelet" / "pods" / pod["metadata"]["uid"] / "volumes"
    assert until(lambda: not list(volumes.glob("kubernetes.io~empty-dir/*")), seconds=240)
    assert namespace.list("pods", "job-name=leaves")


def test_an_ephemeral_volume_serves_a_non_root_pod_and_goes_with_it(
    namespace: Namespace, cluster: Cluster, kubectl: Kubectl
) -> None:
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}}
    ephemeral = {"ephemeral": {"volumeClaimTemplate": claim}}
    script = "echo secret >/workspace/file && cat /workspace/file"
    namespace.apply(job("claims", cluster.image, script, volume=ephemeral))
    namespace.wait("job/claims", until="condition=Complete")
    assert namespace.logs("job/claims") == "secret\n"
    (bound,) = namespace.list("persistentvolumeclaims")
    volume = bound["spec"]["volumeName"]
    namespace("delete", "job", "claims")
    namespace.wait(f"persistentvolumeclaim/{bound['metadata']['name']}", until="delete")
    assert kubectl.holds("wait", f"persistentvolume/{volume}", "--for=delete", "--timeout=240s")
    if cluster.components:
        assert not (cluster.components.place.volumes / volume).exists()


def test_a_ttl_set_afterwards_removes_the_job_and_its_pods(namespace: Namespace, cluster: Cluster) -> None:
    namespace.apply(job("passes", cluster.image, "true"))
    namespace.wait("job/passes", until="condition=Complete")
    name = only_pod(namespace, "passes")["metadata"]["name"]
    assert "ttlSecondsAfterFinished" not in namespace.get("job/passes")["spec"]
    namespace("patch", "job", "passes", "-p", '{"spec": {"ttlSecondsAfterFinished": 1}}')
    namespace.wait("job/passes", until="delete")
    namespace.wait(f"pod/{name}", until="delete")
