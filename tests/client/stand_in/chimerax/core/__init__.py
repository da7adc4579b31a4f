"""core/src/__init__.py."""

version = "1.12"
