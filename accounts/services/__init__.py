"""Changes to who may ask, and the answers already given."""
