"""The queue in Postgres, from both sides: `producer` asks for work and looks at it, `leader` takes it, `wakeup` tells when there is some.

The rules are SQL functions (`sql/functions/`), one guarded statement for each transition; this package calls them and names what they
give back. It is async throughout.
"""
