"""The worker: clones a repository, reads what its files define and need, and publishes that as one snapshot.

Top down: `__main__` and `commands` are the process, `clone` and `pipeline` what its two commands do, `git` what they ask
of git, `extractors` (and behind them `zygote` and `child`) where foreign bytes are read, `languages` and `resolvers`
what they mean, `model` the nouns.
"""
