"""core/src/commands/run.py."""

from .cli import Command


class JSONResult:
    """What a command returns that was asked for JSON."""

    def __init__(self, json_value: str, python_value: object) -> None:
        self.json_value = json_value
        self.python_value = python_value


def run(session, text, *, log=True, downgrade_errors=False, return_json=False, return_list=False):
    """Run a command and return what its function returns."""
    from ..errors import UserError

    try:
        results = Command(session).run(text, log=log)
    except UserError as error:
        if not downgrade_errors:
            raise
        session.logger.info(str(error))
        return None
    return results if return_list or len(results) != 1 else results[0]
