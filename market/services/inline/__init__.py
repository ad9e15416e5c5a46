"""Grants and settlements of work that begins at once: as `submit` and `settle`, many in one commit."""
