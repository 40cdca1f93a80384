"""The IndexJob resource: what people apply, and what they are shown of it. Pure; the mirror does the talking."""
