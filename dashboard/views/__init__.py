"""Pages. Each is complete without JavaScript; the clock is read here."""
