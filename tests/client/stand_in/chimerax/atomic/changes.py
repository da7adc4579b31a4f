"""atomic/src/changes.py: of the changes of a frame, those of whole structures."""


class Changes:
    """Why structures have changed."""

    def __init__(self, reasons):
        self._reasons = reasons

    def structure_reasons(self):
        return self._reasons


def note_change(structure, reason):
    """atomstruct_cpp/ChangeTracker.h: gathered until the next frame."""
    vars(structure.session).setdefault("_changes", {}).setdefault(structure, set()).add(reason)


def check_for_changes(session):
    """Tell of the changes since the last frame; what handlers change is told with the next."""
    for structure, reasons in vars(session).pop("_changes", {}).items():
        if not structure.deleted:
            structure.triggers.activate_trigger("changes", (structure, Changes(reasons)))
