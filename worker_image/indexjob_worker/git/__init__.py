"""Everything that the worker asks of git, with git's own program: no checkout, no configuration but ours, no surprise.

`address` judges a URL, `credentials` and `settings` make the files that git reads, `process` runs it under limits,
`complaints` turns what it says into typed errors, `remote` resolves and fetches, `objects` reads what was fetched.
"""
