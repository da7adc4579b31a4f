"""Specifications of the kinds of job: each field is one row of the table of settings."""
