"""Conventions of the REST API, wired in by name from the settings."""
