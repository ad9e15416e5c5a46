"""24 hours and the zone, so that nobody has to guess (Django looks for these names)."""

DATETIME_FORMAT = r"j M Y, H:i \U\T\C"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
TIME_FORMAT = r"H:i \U\T\C"
DATE_FORMAT = "j M Y"
