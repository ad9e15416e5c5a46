"""Commonwatt's own forecast of a grid's intensity, and how forecasts are kept and scored."""
