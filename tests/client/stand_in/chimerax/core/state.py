"""core/src/state.py."""


class State:
    """Base of everything that sessions save."""

    SCENE = 0x1
    SESSION = 0x2

    def take_snapshot(self, session, flags):
        return {}

    @classmethod
    def restore_snapshot(cls, session, data):
        return None


class StateManager(State):
    """State that is reset, not deleted, when a session is closed."""

    def include_state(self):
        return True

    def reset_state(self, session):
        raise NotImplementedError
