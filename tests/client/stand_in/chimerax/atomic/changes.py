"""atomic/src/changes.py: nothing of the stand-in remembers what was selected before."""


def check_for_changes(session):
    """Tell whoever listens what has changed."""
