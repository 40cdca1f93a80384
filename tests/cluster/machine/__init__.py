"""One-node Kubernetes on a plain Debian machine: no Docker, no registry, one root directory.

A claim of an operator is a claim about Kubernetes, so the tests need the real API server, controllers, kubelet and
containers. One module per concern: `packages` and `toolchain` bring the binaries, `certificates`, `network`,
`components` and `containers` say what the cluster is made of, `boot` puts them in order and takes them apart again.
"""
