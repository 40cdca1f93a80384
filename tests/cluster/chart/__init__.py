"""The chart on a real cluster: what it installs runs, is put right, changed, and goes again."""
