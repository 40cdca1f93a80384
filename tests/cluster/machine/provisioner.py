"""Gives each claim of the tests' storage class a directory of its own, and removes it with the claim.

The provisioner that Kubernetes brings for tests makes root's directories with mode 750 in /tmp, so that no non-root
pod can write to them. These are open to every pod and live under the cluster's root.

    python -m tests.cluster.machine.provisioner ROOT
"""

import http.client
import shutil
import sys
from pathlib import Path

from tests.cluster.machine.api import Api, Thing
from tests.cluster.machine.place import PROVISIONER, STORAGE_CLASS, Place
from tests.cluster.machine.watch import Kept

CLAIMS = "/api/v1/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
RETRY = 1.0  # seconds


def volume(claim: Thing, place: Place) -> Thing:
    """The PersistentVolume for a claim, bound to it by uid."""
    about = claim["metadata"]
    name = f"pvc-{about['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
            "hostPath": {"path": str(place.volumes / name), "type": "Directory"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": about["namespace"],
                "name": about["name"],
                "uid": about["uid"],
            },
        },
    }


def wanting(claims: list[Thing], volumes: list[Thing]) -> list[Thing]:
    """Claims of our class that nothing serves yet."""
    served = {thing["metadata"]["name"] for thing in volumes}
    return [
        claim
        for claim in claims
        if claim["spec"].get("storageClassName") == STORAGE_CLASS
        and "volumeName" not in claim["spec"]
        and "deletionTimestamp" not in claim["metadata"]
        and f"pvc-{claim['metadata']['uid']}" not in served
    ]


def released(volumes: list[Thing]) -> list[str]:
    """Names of our volumes whose claim is gone."""
    ours = [thing for thing in volumes if thing["metadata"].get("annotations", {}).get(PROVISIONED_BY) == PROVISIONER]
    return [thing["metadata"]["name"] for thing in ours if thing.get("status", {}).get("phase") == "Released"]


def main() -> None:
    place = Place(Path(sys.argv[1]))
    api = Api(place, "provisioner")
    kept = Kept(api, CLAIMS, VOLUMES)
    kept.follow()
    place.volumes.mkdir(exist_ok=True)
    while True:
        kept.changed.wait()
        kept.changed.clear()
        try:
            _settle(api, place, kept.of(CLAIMS), kept.of(VOLUMES))
        except (OSError, http.client.HTTPException) as error:
            print(f"{error!r}; again in {RETRY} s", file=sys.stderr, flush=True)
            kept.changed.wait(RETRY)
            kept.changed.set()


def _settle(api: Api, place: Place, claims: list[Thing], volumes: list[Thing]) -> None:
    for claim in wanting(claims, volumes):
        made = volume(claim, place)
        folder = Path(made["spec"]["hostPath"]["path"])
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        api.apply(f"{VOLUMES}/{made['metadata']['name']}", made)
    for name in released(volumes):
        shutil.rmtree(place.volumes / name, ignore_errors=True)
        api.delete(f"{VOLUMES}/{name}")


if __name__ == "__main__":
    main()
