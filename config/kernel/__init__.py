"""The lowest stair: what every app may use. Small files, no Django app."""
