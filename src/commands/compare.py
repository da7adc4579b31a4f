"""``adp3d compare``: how far two models of the same protein are apart, and how complete the first is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart

__all__ = ["adp3d_compare", "compare_desc"]

_POINTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def adp3d_compare(
    session: Session,
    models: tuple[ModelPart, ModelPart],
    superpose: bool = False,
    rank: str = "error",
    save: str | None = None,
    return_json: bool = False,
) -> Any:
    """CA RMSD of a model to a reference, and RMSD against completeness.

    Models are compared where they are, as both lie in the same map, unless they are to be superposed.
    Neither model is moved.

    Parameters
    ----------
    session : Session
    models : pair of ModelPart
        The model, and the reference; of parts, only the residues named are compared.
    superpose : bool
        Compare after the best superposition of the residues in common.
    rank : str
        Order of residues for the curve: ``error``, or ``confidence`` (the attribute of results; else the B-factors).
    save : str, optional
        CSV file for the whole curve.
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.

    Returns
    -------
    dict
        ``residues``, ``reference_residues``, ``completeness``, ``rmsd``, ``median``, ``within_2``,
        ``within_4`` (fractions), ``chains`` and ``curve`` (pairs of completeness and RMSD).
    """
    from chimerax.core.errors import UserError

    from ..handover import pairing

    model, reference = models
    names = model.name, reference.name
    pairs = pairing.pair_traces(pairing.read_traces(model), pairing.read_traces(reference))
    if len(pairs.first) < 3:
        raise UserError(f"{names[0]} and {names[1]} have no protein chain in common; compare models of one protein.")
    first = pairing.superpose(pairs.first, pairs.second) if superpose else pairs.first
    errors = np.linalg.norm(first - pairs.second, axis=1)
    ranking = pairs.confidence if rank == "confidence" else -errors
    completeness, rmsd = pairing.error_curve(errors, ranking, pairs.total)
    report = {
        "model": names[0],
        "reference": names[1],
        "superposed": superpose,
        "chains": [list(chains) for chains in pairs.chains],
        "residues": len(errors),
        "reference_residues": pairs.total,
        "completeness": float(completeness[-1]),
        "rmsd": float(rmsd[-1]),
        "median": float(np.median(errors)),
        "within_2": float((errors < 2.0).mean()),
        "within_4": float((errors < 4.0).mean()),
        "curve": [[float(c), float(r)] for c, r in zip(completeness, rmsd, strict=True)],
    }
    _tell(session, report)
    if save:
        _save(Path(save).expanduser(), report)
    if return_json:
        import json

        from chimerax.core.commands import JSONResult

        return JSONResult(json.dumps(report), report)
    return report


def _tell(session: Session, report: dict[str, Any]) -> None:
    chains = ", ".join(a if a == b else f"{a}/{b}" for a, b in report["chains"])
    lines = [
        f"{report['model']} against {report['reference']}, chain {chains}: {report['residues']} of "
        f"{report['reference_residues']} residues ({100 * report['completeness']:.1f} %), CA RMSD "
        f"{report['rmsd']:.2f} \u00c5, median {report['median']:.2f} \u00c5, within 2 \u00c5 "
        f"{100 * report['within_2']:.1f} %, within 4 \u00c5 {100 * report['within_4']:.1f} %."
    ]
    curve = np.array(report["curve"])
    shown = [
        f"{100 * c:.0f} %: {curve[np.searchsorted(curve[:, 0], c - 1e-9), 1]:.2f} \u00c5"
        for c in _POINTS
        if c <= curve[-1, 0] + 1e-9
    ]
    if shown:
        lines.append("RMSD of the best part, by completeness: " + ", ".join(shown) + ".")
    for line in lines:
        session.logger.info(line)


def _save(path: Path, report: dict[str, Any]) -> None:
    from ..handover.replacing import replace_file

    rows = "".join(f"{c:.6f},{r:.4f}\n" for c, r in report["curve"])
    replace_file(path, lambda partial: partial.write_text(f"completeness,ca_rmsd_angstrom\n{rows}", encoding="utf-8"))


def compare_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, SaveFileNameArg

    from .arguments import ModelPairArg

    return CmdDesc(
        required=[("models", ModelPairArg)],
        keyword=[("superpose", BoolArg), ("rank", EnumOf(("error", "confidence"))), ("save", SaveFileNameArg)],
        synopsis="Compare two models of a protein: RMSD and completeness",
    )
