"""Justice, price, placement and the verdict. Pure: no Django, no clock, no I/O."""
