"""The market in plain words: prices for a thousand units, money in US$."""
