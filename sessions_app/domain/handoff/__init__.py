"""Handoffs: when one goes on, what its successors begin with, and what is checked before the switch."""
