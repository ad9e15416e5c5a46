"""REST doors of the market."""
