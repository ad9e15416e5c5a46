"""The secondary market: quota that changes hands. Pure functions on whole lots, ticks and micro-USD."""
