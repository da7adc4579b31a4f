"""ChimeraX bundle of ADP-3D; so far it carries the engine and offers no commands of its own."""

from chimerax.core.toolshed import BundleAPI


class _ADP3DBundle(BundleAPI):
    """What ChimeraX asks of a bundle; the defaults suffice as long as there are no commands or tools."""

    api_version = 1


bundle_api = _ADP3DBundle()
