"""Context windows: what they hold, what it took, and what happens as they fill. Call its modules by name."""
