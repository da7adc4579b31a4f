"""surface/src."""
