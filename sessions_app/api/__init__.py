"""REST doors of sessions."""
