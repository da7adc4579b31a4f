"""Kinds of job: one row for each, with what is said of it, shown of it and called after it everywhere."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BACKMAP", "COMPLETE", "DISTANCES", "KINDS", "REFINE", "TEMPERATURE", "Figure", "Kind", "Merit"]


@dataclass(frozen=True)
class Figure:
    """A figure that is told of each replica while a job runs.

    Parameters
    ----------
    name : str
        Its name in messages and logs.
    title : str
        What is written at the axis of a plot.
    short : str
        What a small plot calls it.
    """

    name: str
    title: str
    short: str


@dataclass(frozen=True)
class Merit:
    """The figure by which the best replica is told while a job runs.

    Parameters
    ----------
    figure : str
        Name of the figure.
    lowest : bool
        Whether the lowest value is the best one, rather than the highest.
    relative : bool
        Whether the figure compares a replica with the others. Those on their way and those that have arrived cannot be
        compared by it: the estimates at high noise are means, near to everything.
    """

    figure: str
    lowest: bool = False
    relative: bool = False


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
    steps : int
        Denoising steps of backbones unless the user says otherwise; 0 for kinds that denoise none.
    curves : tuple of Figure
        Figures that tell the fit while it runs, the most telling first; the first that there is gets plotted.
    merit : Merit or None
        What the best replica is told by; without it the first one stands for all.
    needs_map, needs_model : bool
        Whether it works in a map, and from a model.
    in_panel : bool
        Whether the panel offers it, beside the command.
    methods : str
        What a methods section says was done to a model; by default `done`.
    """

    name: str
    help: str
    example: str
    title: str
    done: str
    steps: int
    curves: tuple[Figure, ...]
    merit: Merit | None = None
    needs_map: bool = False
    needs_model: bool = True
    in_panel: bool = True
    methods: str = ""

    @property
    def samples_backbones(self) -> bool:
        """Whether replicas of backbones are sampled, so that there is something to check, to plot and to rank."""
        return self.steps > 0

    @property
    def frame(self) -> str:
        """What its result lies in: ``map``, ``model``, or, with a frame of its own, nothing ('')."""
        if self.needs_map:
            return "map"
        return "model" if self.needs_model else ""


_CORRELATION = Figure("correlation", "Map-model correlation", "Map fit")
_SPREAD = Figure("missing_spread", "Spread of missing residues (\u00c5)", "Spread (\u00c5)")
_KNOWN_RMSD = Figure("known_rmsd", "RMSD of known atoms (\u00c5)", "RMSD (\u00c5)")
_SATISFIED = Figure("satisfied", "Restraints satisfied", "Satisfied")
_LOG_LIKELIHOOD = Figure("log_likelihood", "Log-likelihood", "Log-likelihood")
TEMPERATURE = Figure("noise_level", "Temperature (noise \u03c3)", "Temperature")
"""Noise level of the diffusion, which falls like a temperature: the same for all kinds."""

REFINE = Kind(
    "refine",
    "Complete and refine a model in a cryo-EM map; where it does not lie in the map yet, it is docked first.",
    "adp3d refine map.mrc model.cif -s protein.fasta --half-maps half1.mrc half2.mrc",
    "Complete and refine a model in a map",
    "refined",
    # more than 30 to 40 build nothing better where the prior sees the map
    40,
    (_CORRELATION,),
    Merit(_CORRELATION.name),
    needs_map=True,
    methods="completed and refined in the cryo-EM map",
)
COMPLETE = Kind(
    "complete",
    "Complete a partial model, without a map: missing residues are built, known ones kept.",
    "adp3d complete fragments.cif --sequence protein.fasta --confidence modelangelo",
    "Complete a model without a map",
    "completed",
    # as good as 200 and more (docs/results.md, Steps)
    50,
    (_SPREAD, _KNOWN_RMSD),
    # what the replicas agree on is what the job goes on from: the one nearest to the others stands for it
    Merit(_SPREAD.name, lowest=True, relative=True),
)
DISTANCES = Kind(
    "distances",
    "Fold a sequence from distances between residues or atoms.",
    "adp3d distances restraints.csv --sequence MKTAYIAKQR... -o fold",
    "Fold a sequence from distances between residues",
    "folded",
    # 100 are too few
    200,
    (_SATISFIED, _LOG_LIKELIHOOD),
    Merit(_LOG_LIKELIHOOD.name),
    needs_model=False,
    methods="folded from distance restraints",
)

BACKMAP = Kind(
    "backmap",
    "Give all atoms to CA traces, coarse-grained models, backbones and incomplete models, frame by frame.",
    "adp3d backmap trace.pdb --samples 5 -o all_atoms",
    "Build all atoms of a trace, backbone or incomplete model",
    "with all atoms",
    0,
    (),
    in_panel=False,
    methods="given all atoms",
)

KINDS = {kind.name: kind for kind in (REFINE, COMPLETE, DISTANCES, BACKMAP)}
"""By name, in the order in which they are offered."""
