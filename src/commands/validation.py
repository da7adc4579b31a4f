"""What ``adp3d check`` does and says where the model itself is validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..engine.contract.markup import Markup, element, join, table
from ..engine.contract.settings import rows
from ..engine.contract.specification import RefineSpec
from ..engine.contract.validation_figures import C_BETA_LIMIT, VALIDATION_FIGURES
from ..handover.part import plain_chain
from .keywords import VALIDATING

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

__all__ = ["run_validation", "trouble_of", "validation_page"]

_LISTED = 40
"""Residues that the Log lists; the command returns all."""


def run_validation(session: Session, spec: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Let the engine on this computer validate a model in a file.

    Parameters
    ----------
    session : Session
    spec : mapping
        Settings of a check, of which those of `VALIDATING` are used.
    timeout : float
        Seconds.

    Raises
    ------
    UserError
        If it cannot be done.
    """
    from chimerax.core.errors import UserError

    from ..process import environment
    from ..process.background import wait_for
    from ..process.installer import current_installer
    from ..process.validation import Validation

    if current_installer(session) is not None:
        raise UserError("The engine is being installed; validate the model when that has ended.")
    environment.require(session)
    words = [str(spec[name]) for name in ("map", "model") if spec.get(name)]
    flags = {row.name: row.flags[0] for row in rows(RefineSpec) if row.flags}
    for name in VALIDATING[2:]:
        value = spec.get(name)
        if value is not None:
            words += [flags[name], *(map(str, value) if isinstance(value, list | tuple) else [str(value)])]
    try:
        work = Validation(session, words, timeout)
    except (OSError, environment.EnvironmentProblem) as error:
        raise UserError(str(error)) from error
    try:
        wait_for(work)
    except UserError as error:
        text = str(error)
        for row in rows(RefineSpec):
            if row.flags and row.keyword:
                text = text.replace(row.flags[0], f"'{row.keyword}'")
        raise UserError(text) from None
    return work.report


def trouble_of(residue: Mapping[str, Any]) -> list[str]:
    """What is wrong with a residue of the report, worst kind first, in a word or two each."""
    found = []
    if residue["ramachandran"] == "outlier":
        found.append(f"Ramachandran ({residue['phi']:.0f}, {residue['psi']:.0f})")
    if residue["peptide"] in ("cis", "twisted"):
        found.append(f"{residue['peptide']} peptide")
    if residue["d_amino_acid"]:
        found.append("D-amino acid")
    if (residue["c_beta_deviation"] or 0.0) >= C_BETA_LIMIT:
        found.append(f"C-beta off by {residue['c_beta_deviation']:.2f} \u00c5")
    if residue["rotamer"] == "outlier":
        found.append("rotamer")
    if residue["clashes"]:
        count = residue["clashes"]
        found.append(f"{count} clash{'es' if count > 1 else ''} (up to {residue['worst_overlap']:.2f} \u00c5)")
    return found


def validation_page(model: AtomicStructure, report: Mapping[str, Any], chains: Mapping[str, str]) -> Markup:
    """Figures of a model, and its residues with trouble, those with most first, as links that show them.

    Parameters
    ----------
    model : AtomicStructure
    report : mapping
        As the engine gives it.
    chains : mapping
        Names of chains in the session, by those in the file, where they differ.
    """
    name = f"#{model.id_string}"
    figures = report["figures"]
    shown = [
        (label, f"{figures[name]:g}") for name, label in VALIDATION_FIGURES.items() if figures.get(name) is not None
    ]
    head = f"Validation of {name} {model.name}: {figures['residues']} residues, {figures['atoms']} atoms."
    parts = [element("p", head), table(("Figure", "Value"), shown, (False, True), border="1", cellpadding="3")]
    troubled = [(residue, trouble) for residue in report["residues"] if (trouble := trouble_of(residue))]
    troubled.sort(key=lambda one: (-len(one[1]), -(one[0]["worst_overlap"] or 0.0)))
    if troubled:
        parts.append(element("p", _counted(len(troubled))))
        parts.append(_residues(name, troubled[:_LISTED], chains))
    else:
        parts.append(element("p", "No residue is an outlier, and nothing clashes."))
    parts += [element("p", _register(shift, chains)) for shift in report["register"] or ()]
    return join(parts)


def _counted(count: int) -> str:
    said = "1 residue has" if count == 1 else f"{count} residues have"
    most = f"; the {_LISTED} with most of it" if count > _LISTED else ""
    return f"{said} something wrong{most}:"


def _residues(name: str, troubled: Sequence[tuple[Mapping[str, Any], list[str]]], chains: Mapping[str, str]) -> Markup:
    with_map = any(residue.get("q_score") is not None for residue, _ in troubled)
    lines = []
    for residue, trouble in troubled:
        chain = chains.get(residue["chain"], residue["chain"])
        text = f"{chain} {residue['number']} {residue['name']}"
        cells = [_link(f"{name}/{chain}:{residue['number']}", text) if plain_chain(chain) else text, ", ".join(trouble)]
        if with_map:
            cells.append("" if residue.get("q_score") is None else f"{residue['q_score']:.2f}")
        lines.append(cells)
    head = ["Residue", "Trouble", *(["Q-score"] if with_map else [])]
    return table(head, lines, [False, False, True][: len(head)], border="1", cellpadding="3")


def _link(spec: str, text: str) -> Markup:
    command = f"select {spec}; show sel atoms; view sel clip false"  # a cartoon does not show what is wrong
    return element("a", text, href=f"cxcmd:{quote(command)}", title=command)


def _register(shift: Mapping[str, Any], chains: Mapping[str, str]) -> str:
    """A stretch that looks like residues further on or back along the sequence."""
    count = abs(shift["shift"])
    where = f"{'one residue' if count == 1 else f'{count} residues'} {'further on' if shift['shift'] > 0 else 'back'}"
    chain = chains.get(shift["chain"], shift["chain"])
    return (
        f"Residues {shift['first']} to {shift['last']} of chain {chain} look like those {where} along the "
        f"sequence (by {shift['better_by_nats']:.0f} nats): they may be out of register."
    )
