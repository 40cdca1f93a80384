"""A real Kubernetes under the tests: the machine that boots one, and the tests that prove it."""
