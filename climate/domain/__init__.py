"""Energy, carbon and intensity formulas. Pure: no Django, no clock, no I/O."""
