"""Makes the files that are generated from others: `make generate`. A test holds each equal to what would be made.

A part is a module with `PATH`, from the repository's top, and `render() -> str`; `__main__` lists them.
"""
