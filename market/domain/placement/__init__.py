"""Placement of flexible work over sites and hours: fair first, then green. Pure functions over arrays."""
