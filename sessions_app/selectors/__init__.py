"""Reads of sessions. What other apps may call."""
