"""The lowest stair: what every app may use. Two small files, no Django app."""
