"""Changes to sessions. What other apps may call."""
