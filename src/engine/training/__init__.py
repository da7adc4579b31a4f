"""Training of the default prior."""
