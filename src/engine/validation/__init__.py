"""Validation: how good a model is, with and without a reference."""
