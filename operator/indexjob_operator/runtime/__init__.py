"""Where launches run: one protocol, with an implementation for a laptop (`local`)."""
