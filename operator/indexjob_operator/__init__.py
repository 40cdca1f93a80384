"""The operator: takes index jobs from the queue, has each run as one launch of a runtime, and records what became of it.

Top down: `commands` and `local` put the parts together; `leadership` holds the lease and keeps the loops going; `dispatcher`, `sweep` and
the runtime's hints name index jobs; `reconciler` alone moves them, asking the pure `decision` what to do; `runtime` is where launches run.
"""
