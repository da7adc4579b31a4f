"""Chroma's backbone network as a prior, by means of the package `generate-chroma` and weights that users have."""
