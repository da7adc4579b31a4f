"""What can be asked of ADP-3D for what is selected in the scene, as commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..handover.part import plain_chain, residue_address, residue_spec
from ..handover.results import result_model
from ..handover.segments import addresses_of, read_segments
from ..jobs.manager import job_manager
from ..jobs.selection import held_positions
from .steering import rows_of
from .view import is_live
from .views import views_of

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residue, Residues
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["ACTIONS", "SceneAction", "hold_command", "running_job"]


@dataclass(frozen=True)
class SceneAction:
    """Something that can be done with what is selected.

    Parameters
    ----------
    label : str
        Entry of a menu.
    command : str
        What it gives; empty if it can give none.
    why_not : str
        Sentence on why it can give none.
    """

    label: str
    command: str
    why_not: str = ""


def _build(session: Session) -> SceneAction | None:
    """Build the residues that are missing where a selected dashed line leads over a gap."""
    gaps: dict[AtomicStructure, list[str]] = {}
    names: list[str] = []
    odd: list[str] = []
    for model, chain, low, high in sorted(_selected_gaps(session), key=lambda gap: gap[1:]):
        span = str(low) if low == high else f"{low}-{high}"
        gaps.setdefault(model, []).append(f"/{chain}:{span}")
        names.append(f"{chain} {low} to {high}" if low < 0 and low != high else f"{chain} {span}")
        odd += [] if plain_chain(chain) else [chain]
    if len(gaps) != 1:
        return None
    if odd:
        return SceneAction(f"Build {', '.join(names)}", "", _unnamed(odd[0]))
    ((model, parts),) = gaps.items()
    return _job_on(session, "Build", ", ".join(names), f"#{model.id_string}{''.join(parts)}")


def _rebuild(session: Session) -> SceneAction | None:
    """Build the selected residues anew."""
    residues = _selected_protein(session)
    if residues is None or is_live(residues[0].structure):
        return None
    spec = residue_spec(residues)
    if not spec and (odd := _odd_chain(residues)):
        return SceneAction(f"Rebuild {_counted(residues)}", "", _unnamed(odd))
    return _job_on(session, "Rebuild", _counted(residues), spec) if spec else None


def _all_atoms(session: Session) -> SceneAction | None:
    """Build all atoms of the chains of selected residues of which some have no side chain, or a CA atom alone."""
    residues = _selected_protein(session)
    if residues is None or is_live(residues[0].structure) or not any(map(_bare, residues)):
        return None
    chains = sorted({residue.chain_id for residue in residues if _bare(residue)})
    spec = f"#{residues[0].structure.id_string}/{','.join(chains)}"
    label = f"Build all atoms of chain{'s' if len(chains) > 1 else ''} {', '.join(chains)}"
    odd = next((chain for chain in chains if not plain_chain(chain)), "")
    return SceneAction(label, "", _unnamed(odd)) if odd else SceneAction(label, f"adp3d backmap {spec}")


def _bare(residue: Residue) -> bool:
    """Whether an amino acid lacks its side chain, or part of its backbone."""
    return any(
        residue.find_atom(name) is None for name in ("N", "CA", "C", *(() if residue.name == "GLY" else ("CB",)))
    )


def _hold(session: Session) -> SceneAction | None:
    """Hold the selected residues of a running job."""
    return _steer(session, "fix")


def _release(session: Session) -> SceneAction | None:
    """Release those of them that are held."""
    return _steer(session, "release")


def _compare(session: Session) -> SceneAction | None:
    """Show what the other replicas have in place of the stretch that is selected."""
    residues = _selected_protein(session)
    if residues is None:
        return None
    chosen = set(map(residue_address, residues))
    for job in reversed(job_manager(session).jobs):
        if "segments" not in job.paths or residues[0].structure not in _models_of(session, job):
            continue
        for number, segment in enumerate(read_segments(job), 1):
            if len(segment.alternatives) > 1 and not chosen.isdisjoint(addresses_of(segment)):
                label = f"Compare replicas of {segment.name}"
                return SceneAction(label, f"adp3d segments {job.id} alternatives {number}")
    return None


ACTIONS: Mapping[str, Callable[[Session], SceneAction | None]] = {
    "build": _build,
    "rebuild": _rebuild,
    "all atoms": _all_atoms,
    "hold": _hold,
    "release": _release,
    "compare": _compare,
}
"""By name; each gives what it would do now, or None where it has nothing to work on.

Raises `UserError` where files of a job were removed or damaged.
"""


def hold_command(session: Session, residues: Residues) -> str:
    """Command that holds residues of the job that runs, or releases them if all of them are held; '' for none.

    Raises
    ------
    UserError
        If no command can name them.
    """
    from chimerax.core.errors import UserError

    job = running_job(session, residues)
    if job is None or job.layout is None:
        return ""
    if odd := _odd_chain(residues):
        raise UserError(_unnamed(odd))
    rows = set(rows_of(job, residues))
    return _steering(job, residues, "release" if rows <= held_positions(job) else "fix")


def _steer(session: Session, name: str) -> SceneAction | None:
    residues = _selected_protein(session)
    job = None if residues is None else running_job(session, residues)
    if residues is None or job is None or job.layout is None:
        return None
    rows, held = set(rows_of(job, residues)), held_positions(job)
    if (name == "release" and not rows & held) or (name == "fix" and rows <= held):
        return None
    command = _steering(job, residues, name)
    label = f"{'Hold' if name == 'fix' else 'Release'} {_counted(residues)}"
    if not command and (odd := _odd_chain(residues)):
        return SceneAction(label, "", _unnamed(odd))
    return SceneAction(label, command) if command else None


def _steering(job: Job, residues: Residues, name: str) -> str:
    spec = residue_spec(residues)
    quoted = f'"{spec}"' if " " in spec else spec
    return f"adp3d {name} {quoted} job {job.id}" if spec else ""


def running_job(session: Session, residues: Sequence[Residue] | Residues) -> Job | None:
    """The running job that has residues of a model which shows it."""
    for job in reversed(job_manager(session).jobs):
        if not job.state.active or job.layout is None:
            continue
        if residues[0].structure in _models_of(session, job) and rows_of(job, residues):
            return job
    return None


def _models_of(session: Session, job: Job) -> list[AtomicStructure]:
    """Open models that show a job: its own, its live model, its result."""
    view = views_of(session).get(job.id)
    found = (job.model, None if view is None else view.best, result_model(session, job))
    return [model for model in found if model is not None and not model.deleted]


def _job_on(session: Session, verb: str, what: str, spec: str) -> SceneAction | None:
    """A job on a part of a model: in the only map that is shown or open, or without one where none is open."""
    from chimerax.map import Volume

    maps = session.models.list(type=Volume)
    if not maps:
        return SceneAction(f"{verb} {what} without a map", f"adp3d complete {spec}")
    shown = [volume for volume in maps if volume.display]
    clear = next((found[0] for found in (shown, maps) if len(found) == 1), None)
    if clear is None:
        return None
    return SceneAction(f"{verb} {what} in map #{clear.id_string}", f"adp3d refine {spec} inMap #{clear.id_string}")


def _selected_gaps(session: Session) -> Iterator[tuple[AtomicStructure, str, int, int]]:
    """Model, chain, first and last number of what is missing between the ends of each selected dashed line."""
    from chimerax.atomic import Structure, selected_pseudobonds

    for line in selected_pseudobonds(session):
        ends = sorted((atom.residue for atom in line.atoms), key=lambda residue: int(residue.number))
        first, last = ends
        low, high = int(first.number) + 1, int(last.number) - 1
        same = first.structure is last.structure and first.chain_id == last.chain_id
        if line.group.name == Structure.PBG_MISSING_STRUCTURE and same and low <= high:
            yield first.structure, first.chain_id, low, high


def _selected_protein(session: Session) -> Residues | None:
    """Selected amino acids, if they are all of one model."""
    from chimerax.atomic import Residue, selected_residues

    residues = selected_residues(session)
    protein = residues.filter(residues.polymer_types == Residue.PT_AMINO) if len(residues) else residues
    return protein if len(protein) and len(protein.unique_structures) == 1 else None


def _odd_chain(residues: Residues) -> str:
    """Name of a chain that no specifier can hold; '' if there is none."""
    return next((one for one in sorted({residue.chain_id for residue in residues}) if not plain_chain(one)), "")


def _unnamed(chain: str) -> str:
    return f"Commands of ChimeraX cannot name chain '{chain}'; give it another name with 'changechains' first."


def _counted(residues: Residues) -> str:
    """Residues as an entry of a menu names them."""
    if len(residues) == 1:
        chain, number, code = residue_address(residues[0])
        return f"{chain} {number}{code}"
    return f"{len(residues)} residues"
