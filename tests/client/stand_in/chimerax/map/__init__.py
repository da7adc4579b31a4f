"""map/src/__init__.py and map/src/mapargs.py."""

from chimerax.core.commands import AtomSpecArg

from .volume import Volume, volume_from_grid_data

__all__ = ["MapArg", "MapsArg", "Volume", "volume_from_grid_data"]


class MapArg(AtomSpecArg):
    """map/src/mapargs.py."""

    name = "a map specifier"

    @classmethod
    def parse(cls, text, session):
        from chimerax.core.commands import AnnotationError

        spec, chars, rest = super().parse(text, session)
        maps = [m for m in spec.evaluate(session).models if isinstance(m, Volume)]
        if len(maps) != 1:
            raise AnnotationError("Must specify one map" if maps else "No density maps specified", len(chars))
        return maps[0], chars, rest


class MapsArg(AtomSpecArg):
    """map/src/mapargs.py."""

    name = "a density maps specifier"

    @classmethod
    def parse(cls, text, session):
        spec, chars, rest = super().parse(text, session)
        return [m for m in spec.evaluate(session).models if isinstance(m, Volume)], chars, rest
