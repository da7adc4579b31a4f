"""atomic/src/args.py."""

from chimerax.core.commands.atomspec import AtomSpecArg


def _error(text, chars):
    from chimerax.core.commands import AnnotationError

    return AnnotationError(text, len(chars))


class AtomsArg(AtomSpecArg):
    name = "an atoms specifier"

    @classmethod
    def parse(cls, text, session):
        spec, chars, rest = super().parse(text, session)
        atoms = spec.evaluate(session).atoms
        atoms.spec = str(spec)
        return atoms, chars, rest


class ResiduesArg(AtomSpecArg):
    name = "a residues specifier"

    @classmethod
    def parse(cls, text, session):
        spec, chars, rest = super().parse(text, session)
        residues = spec.evaluate(session).residues
        residues.spec = str(spec)
        return residues, chars, rest


class UniqueChainsArg(AtomSpecArg):
    name = "a chains specifier"

    @classmethod
    def parse(cls, text, session):
        from .collections import Chains

        spec, chars, rest = super().parse(text, session)
        chains = Chains(list(dict.fromkeys(r.chain for r in spec.evaluate(session).residues if r.chain is not None)))
        chains.spec = str(spec)
        return chains, chars, rest


class AtomicStructuresArg(AtomSpecArg):
    name = "an atomic structures specifier"

    @classmethod
    def parse(cls, text, session):
        from .structure import AtomicStructure

        spec, chars, rest = super().parse(text, session)
        return [m for m in spec.evaluate(session).models if isinstance(m, AtomicStructure)], chars, rest


class StructuresArg(AtomicStructuresArg):
    name = "a structures specifier"


class StructureArg(AtomSpecArg):
    name = "a structure specifier"

    @classmethod
    def parse(cls, text, session):
        from .structure import Structure

        spec, chars, rest = super().parse(text, session)
        models = [m for m in spec.evaluate(session).models if isinstance(m, Structure)]
        if len(models) != 1:
            raise _error(f"must specify 1 structure, got {len(models)}", chars)
        return models[0], chars, rest


class AtomicStructureArg(AtomSpecArg):
    name = "an atomic structure specifier"

    @classmethod
    def parse(cls, text, session):
        from .structure import AtomicStructure

        spec, chars, rest = super().parse(text, session)
        models = [m for m in spec.evaluate(session).models if isinstance(m, AtomicStructure)]
        if len(models) != 1:
            raise _error(f"must specify 1 atomic structure, got {len(models)}", chars)
        return models[0], chars, rest
