"""Units, periods and estimates. Pure: no Django, no clock, no I/O."""
