"""Rigid bodies in maps: where they lie, searched over all rotations and shifts, and what they are made of."""
