"""REST doors of the climate app."""
