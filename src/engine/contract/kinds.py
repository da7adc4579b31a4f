"""Kinds of job: one row for each, with what is said of it, shown of it and called after it everywhere."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMPLETE", "DISTANCES", "KINDS", "REFINE", "Kind"]


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Parameters
    ----------
    name : str
        Name of the command and of the recipe (the module in ``pipeline``).
    help : str
        What the command line says of it.
    example : str
        Command line.
    title : str
        What the panel says of it.
    done : str
        What its result is called, after the name of the model.
    curves : tuple of (str, str)
        Figures that are plotted while it runs, and their titles.
    needs_map, needs_model : bool
        Whether it works in a map, and from a model.
    """

    name: str
    help: str
    example: str
    title: str
    done: str
    curves: tuple[tuple[str, str], ...]
    needs_map: bool = False
    needs_model: bool = True


REFINE = Kind(
    "refine",
    "Complete and refine a model in a cryo-EM map; the model must lie in the map already.",
    "adp3d refine map.mrc model.cif -s protein.fasta --half-maps half1.mrc half2.mrc",
    "Complete and refine a model in a map",
    "refined",
    (("correlation", "Map-model correlation"),),
    needs_map=True,
)
COMPLETE = Kind(
    "complete",
    "Complete a partial model, without a map: missing residues are built, known ones kept.",
    "adp3d complete fragments.cif --sequence protein.fasta --confidence modelangelo",
    "Complete a model without a map",
    "completed",
    (("known_rmsd", "RMSD of known atoms (\u00c5)"),),
)
DISTANCES = Kind(
    "distances",
    "Fold a sequence from distances between residues or atoms.",
    "adp3d distances restraints.csv --sequence MKTAYIAKQR... -o fold",
    "Fold a sequence from distances between residues",
    "folded",
    (("satisfied", "Restraints satisfied"), ("log_likelihood", "Log-likelihood")),
    needs_model=False,
)

KINDS = {kind.name: kind for kind in (REFINE, COMPLETE, DISTANCES)}
"""By name, in the order in which they are offered."""
