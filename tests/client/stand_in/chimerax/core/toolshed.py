"""core/src/toolshed/__init__.py."""


class BundleAPI:
    """Base of what a bundle offers."""

    api_version = 0

    @staticmethod
    def start_tool(session, bi, ti):
        raise NotImplementedError

    @staticmethod
    def register_command(bi, ci, logger):
        raise NotImplementedError

    @staticmethod
    def get_class(name):
        return None
