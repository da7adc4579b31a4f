"""Priors: denoisers of noisy protein backbones, their noise correlation and schedule."""
