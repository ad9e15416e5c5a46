"""Doors of the secondary market."""
