"""core/src/commands/logging.py."""


def log_equivalent_command(session, command_text):
    """Write a command to the log as if it had been typed."""
    session.logger.info("> " + command_text)
