"""The gateway in words and figures."""
