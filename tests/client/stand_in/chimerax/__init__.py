"""The parts of ChimeraX that the client of ADP-3D calls, for tests outside of ChimeraX.

Written after reading ChimeraX's source; each module and class names the file that it imitates (paths in
``src/bundles`` of ChimeraX's repository). Only what was seen there is imitated, and only as far as the
client needs it: a test that passes here must pass in a real ChimeraX.
"""

from types import SimpleNamespace

app_dirs = SimpleNamespace(user_data_dir="", user_config_dir="", user_cache_dir="")
"""core/src/__main__.py, _set_app_dirs; conftest.py sets the folders."""

app_dirs_unversioned = SimpleNamespace(user_data_dir="", user_config_dir="", user_cache_dir="")
"""core/src/__main__.py, _set_app_dirs."""
