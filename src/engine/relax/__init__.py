"""Relaxation of all-atom models with a force field (OpenMM), in a map or where they are."""
