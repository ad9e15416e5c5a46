"""Reads of the secondary market."""
