"""core/src/configfile.py."""

only_use_defaults = False
"""Whether settings are neither read nor written (ChimeraX was started in safe mode)."""
