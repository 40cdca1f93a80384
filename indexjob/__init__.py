"""The ground floor: what an index job is, the queue and the index in Postgres, and the command line.

Both images stand on it, so it knows neither of them: no kopf, no Kubernetes, no tree-sitter, no git.
"""
