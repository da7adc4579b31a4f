"""Measurements: from files and words of the user to what the solver minimises and what is told of it."""
