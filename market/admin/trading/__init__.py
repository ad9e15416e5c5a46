"""Administration of the secondary market."""
