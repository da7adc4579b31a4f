"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..specification import CONFIDENCES, PRIORS

__all__ = [
    "Chains",
    "Confidence",
    "Debug",
    "Device",
    "HalfMaps",
    "Keep",
    "Model",
    "Output",
    "Overwrite",
    "Prior",
    "Reference",
    "Replicas",
    "Resolution",
    "Seed",
    "SequenceGiven",
    "SequenceNeeded",
    "Steps",
    "Trajectory",
    "Update",
    "in_users_terms",
    "names",
]

_SAMPLING, _OUTPUT = "Sampling", "Output"

Model = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="Incomplete model: mmCIF or PDB, may be compressed.", show_default=False),
]
SequenceGiven = Annotated[
    str | None,
    typer.Option(
        "--sequence",
        "-s",
        metavar="FILE|LETTERS",
        help="Full sequence: a FASTA file, or the one-letter codes. Default: the model's own records.",
    ),
]
SequenceNeeded = Annotated[
    str,
    typer.Option("--sequence", "-s", metavar="FILE|LETTERS", help="Sequence: a FASTA file, or the one-letter codes."),
]
Chains = Annotated[
    str | None,
    typer.Option("--chains", "-c", metavar="A,B,...", help="Chains to work on. Default: all protein chains."),
]
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep",
        "-k",
        metavar="A:12-40,...",
        help="Residues whose atoms stay exactly where they are: numbers, ranges, or whole chains.",
    ),
]
HalfMaps = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="FILE FILE", help="The two half maps; they give the noise of each resolution shell."),
]
Resolution = Annotated[
    float | None, typer.Option(metavar="ANGSTROM", help="Resolution of the map. Default: estimated.")
]
Confidence = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help=f"What the model's B-factor column says: {', '.join(CONFIDENCES)}. ModelAngelo's confidence and "
        "pLDDT run from 0 to 100, B-factors are in A^2. Badly supported parts may move or are rebuilt.",
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(help="Deposited model, only to report the RMSD to it; it does not influence the result."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Job folder. Default: named after the input.",
        rich_help_panel=_OUTPUT,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a job that the folder holds.", rich_help_panel=_OUTPUT)
]
Trajectory = Annotated[
    int,
    typer.Option(
        metavar="STEPS",
        help="Steps between stored frames of the trajectory; 0 stores none.",
        rich_help_panel=_OUTPUT,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Replicas = Annotated[
    int,
    typer.Option(
        "--replicas",
        "-r",
        help="Independent samples; their spread gives the confidence.",
        rich_help_panel=_SAMPLING,
    ),
]
Steps = Annotated[int, typer.Option("--steps", "-n", help="Denoising steps.", rich_help_panel=_SAMPLING)]
Seed = Annotated[
    int,
    typer.Option(help="Seed of the random numbers; the same seed repeats a run.", rich_help_panel=_SAMPLING),
]
Device = Annotated[
    str,
    typer.Option("--device", "-d", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=_SAMPLING),
]
Prior = Annotated[str, typer.Option(metavar="NAME", help=f"Prior: {', '.join(PRIORS)}.", rich_help_panel=_SAMPLING)]
Update = Annotated[
    str,
    typer.Option(
        metavar="RULE",
        help="How each step moves towards the measurements: 'proximal' solves for the best compromise, "
        "'gradient' takes gradient steps with momentum as in the ADP-3D paper.",
        rich_help_panel=_SAMPLING,
    ),
]


_OPTIONS_OF_SETTINGS = {
    "half_maps": "--half-maps",
    "density_weight": "--density-weight",
    "trajectory_interval": "--trajectory",
}


def in_users_terms(text: str) -> str:
    """Call settings in a sentence by the options that the user gave, where the two differ."""
    for setting, option in _OPTIONS_OF_SETTINGS.items():
        text = text.replace(f"'{setting}'", f"'{option}'")
    return text


def names(text: str | None) -> tuple[str, ...] | None:
    """Names in a list separated by commas."""
    return None if text is None else tuple(part.strip() for part in text.split(","))
