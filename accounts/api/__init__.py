"""How the REST doors recognise a caller. Wired in by name from the settings."""
