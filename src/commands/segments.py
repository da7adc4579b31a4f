"""``adp3d segments``: what a job rebuilt, moved or left in doubt, as a list to walk through and to choose from."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..engine.contract.markup import Markup, element, join, table
from ..engine.contract.segments import COLUMNS, Segment, columns_shown, summary

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_segments", "segments_desc"]

_TOOL = "ADP-3D Segments"


def adp3d_segments(
    session: Session,
    job: int | None = None,
    show: int | None = None,
    next: bool = False,
    previous: bool = False,
    alternatives: int | None = None,
    restore: bool = False,
    save: str | None = None,
    return_json: bool = False,
) -> Any:
    """List the stretches that a job rebuilt, moved or left in doubt, those with most trouble first, or show one.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the one that is walked through, else the latest with a result.
    show : int, optional
        Show this stretch, by its number in the list: map cut out around it, neighbours as sticks.
    next, previous : bool
        Show the one behind or before that which is shown.
    alternatives : int, optional
        Show this stretch and what the other replicas have in its place.
    restore : bool
        Leave view, map and sticks as they were before the first was shown.
    save : str, optional
        CSV file for the list.
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.

    Returns
    -------
    list of Segment
    """
    from chimerax.core.errors import UserError

    from ..handover.read_ahead import read_ahead
    from ..handover.segments import read_segments
    from ..live.segment_walk import segment_walk

    wishes = (show is not None, next, previous, alternatives is not None, restore)
    if sum(wishes) > 1:
        raise UserError("Give one of 'show', 'next', 'previous', 'alternatives' and 'restore' at a time.")
    walk = segment_walk(session)
    if restore:
        told = "as before" if walk.put_back() else "as it was; no stretch was shown"
        session.logger.status(f"The view is {told}.")
        return []
    chosen = _job(session, job, walk.job_id)
    found = read_segments(chosen)
    read_ahead(chosen)
    if save:
        _save(Path(save).expanduser(), found)
    if show is not None:
        _tell(session, chosen, walk.show(chosen, show), show)
    elif next or previous:
        _tell(session, chosen, walk.step(chosen, 1 if next else -1), walk.number)
    elif alternatives is not None:
        _show_alternatives(session, chosen, alternatives)
    else:
        session.logger.info(_page(chosen, found), is_html=True)
        _show_tool(session)
    if return_json:
        from chimerax.core.commands import JSONResult

        rows = [asdict(segment) for segment in found]
        return JSONResult(json.dumps(rows), rows)
    return list(found)


def _job(session: Session, number: int | None, walked: int) -> Job:
    """The job of that number, else that which is walked through, else the latest with a result."""
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    manager = job_manager(session)
    if number is not None:
        return manager.get(number)
    with_result = [one for one in manager.jobs if one.result is not None]
    if not with_result:
        raise UserError("There is no ADP-3D job with a result yet; 'adp3d resume FOLDER' takes up one from its folder.")
    return next((one for one in with_result if one.id == walked), with_result[-1])


def _show_alternatives(session: Session, job: Job, number: int) -> None:
    from chimerax.core.errors import UserError

    from ..handover.segments import addresses_of
    from ..live.alternatives import alternative_words, open_alternatives
    from ..live.segment_walk import segment_residues, segment_walk

    segment = segment_walk(session).show(job, number)
    if not segment.there:
        raise UserError(f"{segment.name} is left out of the result, and of all replicas: the map does not show it.")
    place = segment_residues(session, job, addresses_of(segment))[0].structure
    group = open_alternatives(session, job, segment, place)
    _tell(session, job, segment, number)
    lines = [
        (
            _link(f"adp3d accept {job.id} segments {number} replica {one.replica}", f"replica {one.replica}"),
            alternative_words(one),
        )
        for one in segment.alternatives
    ]
    head = f"{segment.name} of ADP-3D job {job.id} as the replicas have it (#{group.id_string}); a click accepts it."
    page = join((element("p", head), table(("Accept", "What it is"), lines, border="1", cellpadding="3")))
    session.logger.info(page, is_html=True)


def _tell(session: Session, job: Job, segment: Segment, number: int) -> None:
    """What is shown, in the status line: a line in the Log for each step would fill it."""
    reasons = ", ".join(segment.reasons) or "nothing speaks against it"
    session.logger.status(f"Stretch {number} of job {job.id}: {segment.name}, {segment.kind}: {reasons}.")


def _page(job: Job, found: Sequence[Segment]) -> Markup:
    """The list with links that show and accept each stretch."""
    title = element("p", f"ADP-3D job {job.id} ({job.title}). {summary(found)}")
    if not found:
        return title
    shown = columns_shown(found)
    numbers = [False, *(not isinstance(column.value(found[0]), str) for column in shown), False, False]
    lines = [
        (
            _link(f"adp3d segments {job.id} show {number}", str(number)),
            *(column.text(one) for column in shown),
            ", ".join(one.reasons),
            join(
                (
                    *([_link(f"adp3d accept {job.id} segments {number}", "accept")] if one.there else []),
                    *(
                        [_link(f"adp3d segments {job.id} alternatives {number}", "alternatives")]
                        if len(one.alternatives) > 1
                        else []
                    ),
                ),
                " ",
            ),
        )
        for number, one in enumerate(found, 1)
    ]
    head = ("Show", *(column.heading for column in shown), "Trouble with", "")
    return join((title, table(head, lines, numbers, border="1", cellpadding="3")))


def _link(command: str, text: str) -> Markup:
    return element("a", text, href=f"cxcmd:{quote(command)}", title=command)


def _show_tool(session: Session) -> None:
    from chimerax.core.commands import run

    if session.ui.is_gui:
        run(session, f'ui tool show "{_TOOL}"', log=False)


def _save(path: Path, found: Sequence[Segment]) -> None:
    from ..handover.replacing import replace_file

    def write(partial: Path) -> None:
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(column.name for column in COLUMNS)
            writer.writerows([column.text(one) for column in COLUMNS] for one in found)

    replace_file(path, write)


def segments_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, NoArg, PositiveIntArg, SaveFileNameArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[
            ("show", PositiveIntArg),
            ("next", NoArg),
            ("previous", NoArg),
            ("alternatives", PositiveIntArg),
            ("restore", NoArg),
            ("save", SaveFileNameArg),
        ],
        synopsis="List, show and compare the stretches that an ADP-3D job rebuilt, moved or left in doubt",
    )
