"""Likelihoods: log p(y | x) for each forward operator."""
