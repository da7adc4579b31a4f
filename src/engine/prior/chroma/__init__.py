"""Chroma's networks, a prior and one for designs, from the package `generate-chroma` and weights that users have."""
