"""Pipelines: from a job specification to results on disk."""
