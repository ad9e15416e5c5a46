"""Sessions in words and figures."""
