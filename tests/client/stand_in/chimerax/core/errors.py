"""core/src/errors.py."""


class CancelOperation(Exception):
    """The user cancelled a task."""


class NotABug(Exception):
    """Base of errors that make no traceback."""


class LimitationError(NotABug):
    """A known limitation."""


class NonChimeraError(NotABug):
    """The cause lies outside of ChimeraX."""


NonChimeraXError = NonChimeraError


class UserError(NotABug):
    """The user gave wrong input or took a wrong action."""
