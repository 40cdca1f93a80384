"""The whole product on a real cluster: operator, Jobs, pods of the worker's image, Postgres and a git server that the pods reach."""
