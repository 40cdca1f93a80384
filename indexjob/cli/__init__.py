"""The command line: how people meet the product.

A thin edge: each command reads its arguments, calls the queue or the views of the index, and shows what came back. `command` gives every command
the options that all have, `main` turns errors into a sentence and an exit code, `output` draws tables and JSON. Commands that need more than the
ground floor (the dispatcher, the worker) come from the distribution's other parts, through the entry points `indexjob.commands`.

Imports that are slow (psycopg, rich) are inside the functions that need them: `indexjob --help` and completion are quick.
"""

from indexjob.cli.main import main

__all__ = ["main"]
