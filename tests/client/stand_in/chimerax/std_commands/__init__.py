"""std_commands/src/__init__.py."""
