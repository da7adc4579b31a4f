"""One page of everything that is known of a job, from its folder alone: nothing is loaded when it is opened.

Text is escaped by `markup`; pictures are in the page itself, and a policy in its head forbids any request.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .folder_state import EVENTS_LOG, JOB_FILE, METRICS, SEGMENTS
from .kinds import KINDS
from .markup import Markup, element, join, table
from .methods import citations, methods
from .motions import motion_sentences
from .segments import Segment, columns_shown, from_text, summary
from .settings import Row, rows
from .specification import specification_of
from .validation_figures import labelled

__all__ = ["ReportInput", "read_report_input", "report_page"]

_MOST_PICTURE_BYTES = 3_000_000
"""Of all pictures together, as files; written out they take a third more, and the page stays below 5 MB."""
_MOST_MESSAGES = 400
"""The last ones; all are in events.log."""
_PICTURES = {
    "confidence": "Confidence of each residue; what was built is shaded",
    "displacement": "How far each residue moved, and its fit before and after",
    "convergence": "Course of the job, one line for each replica",
    "rmsd_completeness": "RMSD to the reference against completeness",
}
"""By name of the file, in order."""
_FIGURES = (
    ("residues", "Residues", 0),
    ("completeness_before", "Completeness before (%)", 1),
    ("completeness_after", "Completeness after (%)", 1),
    ("resolution", "Resolution (\u00c5)", 2),
    ("map_cc_before", "Map-model correlation before", 3),
    ("map_cc_after", "Map-model correlation after", 3),
    ("mean_confidence", "Mean confidence (0 to 100)", 1),
    ("restraints_satisfied_percent", "Restraints satisfied (%)", 1),
    ("ca_rmsd_all", "CA RMSD to the reference (\u00c5)", 2),
    ("ca_lddt", "lDDT of CA atoms to the reference", 3),
    ("seconds", "Computing time (s)", 0),
    ("peak_memory_bytes", "Memory (bytes)", 0),
)
"""Figures of the job, how they are called, and digits after the point."""
_VALIDATION = labelled(
    "molprobity_score", "clashscore", "ramachandran_favoured_percent", "ramachandran_outliers_percent",
    "rotamer_outliers_percent", "c_beta_outliers", "cis_not_proline", "twisted_peptides", "bond_rmsz", "angle_rmsz",
    "cc_mask", "q_score",
)  # fmt: skip
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .9rem; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #8884; text-align: left; vertical-align: top; }
td:nth-child(2) { overflow-wrap: anywhere; min-width: 4rem; }
th[align=right], td[align=right] { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.trouble td:first-child { border-left: 4px solid #d55e00; } tr.fine td:first-child { border-left: 4px solid #0072b2; }
img { max-width: 100%; background: #fff; } figure { margin: 1rem 0; }
figcaption, .note { color: #777; font-size: .85rem; }
code, pre { font: 13px/1.4 ui-monospace, monospace; } pre { white-space: pre-wrap; }
.warning { color: #d55e00; }
@media print { details { display: none; } body { margin: 0; max-width: none; } }
"""


@dataclass(frozen=True)
class ReportInput:
    """What a folder says of its job.

    Parameters
    ----------
    folder : Path
    spec : mapping
        Settings as plain values, with their ``kind``.
    metrics : mapping
    segments : tuple of Segment or None
        None where there is no list.
    messages : tuple of (level, text)
    versions : mapping of str to str
        By program; empty for jobs of earlier versions.
    started : float or None
        Seconds since the epoch.
    origins : mapping of str to str
        The user's own files by the names of their copies.
    command : str
        Of ChimeraX, if the job was started there.
    in_chimerax : bool
    pictures : mapping of str to bytes
        PNG files by name.
    """

    folder: Path
    spec: Mapping[str, Any]
    metrics: Mapping[str, Any]
    segments: tuple[Segment, ...] | None
    messages: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]
    started: float | None
    origins: Mapping[str, str]
    command: str
    in_chimerax: bool
    pictures: Mapping[str, bytes]


def read_report_input(folder: Path) -> ReportInput:
    """Read a job folder.

    Raises
    ------
    InputError
        If it holds no finished job.
    """
    spec, metrics = _json(folder / JOB_FILE), _json(folder / METRICS)
    if not spec or str(spec.get("kind")) not in KINDS:
        raise InputError(f"'{folder}' is not a job folder: it has no readable {JOB_FILE}.")
    if not metrics and (folder / METRICS).is_file():
        raise InputError(f"'{folder / METRICS}' cannot be read; run the job again with 'overwrite'.")
    if not metrics:
        raise InputError(f"The job in '{folder}' has not finished; go on with it by 'adp3d resume'.")
    try:
        segments: tuple[Segment, ...] | None = from_text((folder / SEGMENTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        segments = None  # jobs that start from no model, and those of earlier versions, have none
    records = list(_records(folder / EVENTS_LOG))
    starts = [one for one in records if one.get("event") == "started"]
    told = [(str(one.get("level")), str(one.get("text"))) for one in records if one.get("event") == "message"]
    versions = starts[-1].get("versions") if starts else None
    client = _json(folder / "chimerax.json")
    pictures = {name: path.read_bytes() for name in _PICTURES if (path := folder / f"{name}.png").is_file()}
    return ReportInput(
        folder=folder,
        spec=spec,
        metrics=metrics,
        segments=segments,
        messages=tuple(told),
        versions=versions if isinstance(versions, dict) else {},
        started=starts[0].get("time") if starts else None,
        origins=_json(folder / "inputs" / "origins.json"),
        command=str(client.get("command", "")),
        in_chimerax=bool(client),
        pictures=pictures,
    )


def report_page(given: ReportInput) -> str:
    """The page as HTML."""
    kind = KINDS[str(given.spec["kind"])]
    title = f"ADP-3D: {kind.title[0].lower()}{kind.title[1:]}"
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(_STYLE)),
    )
    sections = (
        _head(given, title),
        _figures(given),
        _stretches(given),
        _unseen(given),
        _moved(given),
        _pictures(given),
        _methods(given),
        _settings(given),
        _messages(given),
    )
    body = element("body", *(section for section in sections if section))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _head(given: ReportInput, title: str) -> Markup:
    files = {name: Path(path).name for name, path in given.origins.items()}
    lines = [("Folder", str(given.folder)), *((f"Input {copy}", name) for copy, name in sorted(files.items()))]
    if given.started is not None:
        lines.insert(0, ("Started", time.strftime("%Y-%m-%d %H:%M", time.localtime(given.started))))
    if given.command:
        lines.append(("Command", given.command))
    return join((element("h1", title), table(("", ""), lines)))


def _figures(given: ReportInput) -> Markup:
    metrics = given.metrics
    lines = [
        (called, f"{value:,.{digits}f}")
        for name, called, digits in _FIGURES
        if (value := _number(metrics.get(name))) is not None
    ]
    if tugged := _tugged(metrics.get("tugged")):
        lines.append(("Residues tugged by hand", tugged))
    parts: list[str] = [element("h2", "Result"), table(("Figure", "Value"), lines, (False, True))]
    validation = metrics.get("validation")
    if isinstance(validation, dict):
        before, after = (validation.get(when) or {} for when in ("before", "after"))
        both = [
            (called, _plain(before.get(name)), _plain(after.get(name)))
            for name, called in _VALIDATION.items()
            if after.get(name) is not None
        ]
        parts += [
            element("h2", "Validation of all atoms"),
            table(("Figure", "Starting model", "Result"), both, (False, True, True)),
        ]
    return join(parts)


def _tugged(found: object) -> str:
    """Residues that the user has pulled while the job ran, and how often, such as ``A 45 (twice), A 80``."""
    if not isinstance(found, list):
        return ""
    often = {1: "", 2: " (twice)"}
    return ", ".join(
        f"{one.get('chain')} {one.get('residue')}{often.get(times, f' ({times} times)')}"
        for one in found
        if (times := one.get("times"))
    )


def _stretches(given: ReportInput) -> Markup:
    if given.segments is None:
        return Markup("")
    parts: list[str] = [
        element("h2", "What was rebuilt, moved or left in doubt"),
        element("p", summary(given.segments)),
    ]
    if given.segments:
        shown = columns_shown(given.segments)
        numbers = [not isinstance(column.value(given.segments[0]), str) for column in shown]
        head = element(
            "tr", *(element("th", column.heading, title=column.tip) for column in shown), element("th", "Why")
        )
        lines = [
            element(
                "tr",
                *(
                    element("td", column.text(one), align="right") if right else element("td", column.text(one))
                    for column, right in zip(shown, numbers, strict=True)
                ),
                element("td", ", ".join(one.reasons)),
                class_="trouble" if one.trouble else "fine",
            )
            for one in given.segments
        ]
        parts.append(element("table", element("thead", head), element("tbody", *lines)))
    return join(parts)


def _unseen(given: ReportInput) -> Markup:
    """Residues that the map does not show, and whether the result has them."""
    found = given.metrics.get("unseen")
    if not isinstance(found, list) or not found:
        return Markup("")
    lines = [
        (
            str(one.get("chain")),
            f"{one.get('first')}-{one.get('last')}",
            _plain(one.get("length")),
            "left out" if one.get("left_out") else "built",
        )
        for one in found
    ]
    head = ("Chain", "Residues", "Length", "Result")
    return join((element("h2", "What the map does not show"), table(head, lines, (False, False, True, False))))


def _moved(given: ReportInput) -> Markup:
    domains = (given.metrics.get("displacement") or {}).get("domains") or []
    sentences = motion_sentences(domains)
    if not sentences:
        return Markup("")
    return join((element("h2", "What moved"), element("ul", *(element("li", text) for text in sentences))))


def _pictures(given: ReportInput) -> Markup:
    made, left, size = [], [], 0
    for name, caption in _PICTURES.items():
        data = given.pictures.get(name)
        if data is None:
            continue
        if size + len(data) > _MOST_PICTURE_BYTES:
            left.append(f"{name}.png")
            continue
        size += len(data)
        source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
        made.append(element("figure", element("img", src=source, alt=caption), element("figcaption", caption)))
    if left:
        made.append(element("p", f"Too large for this page, in the folder: {', '.join(left)}.", class_="note"))
    return join((element("h2", "Pictures"), *made)) if made else Markup("")


def _methods(given: ReportInput) -> Markup:
    told = " ".join(methods(given.spec, given.metrics, given.versions))
    cited = citations(given.spec, given.metrics, given.in_chimerax)
    listed = (
        element("li", f"For {one.what}: {one.text} ", element("a", one.url, href=one.url, rel="noreferrer"))
        for one in cited
    )
    versions = ", ".join(f"{name} {version}" for name, version in given.versions.items())
    parts = [element("h2", "Methods and citations"), element("p", told), element("ol", *listed)]
    if versions:
        parts.append(element("p", f"Versions: {versions}.", class_="note"))
    return join(parts)


def _settings(given: ReportInput) -> Markup:
    spec = given.spec
    table_rows = rows(specification_of(str(spec["kind"])))

    def line(row: Row) -> tuple[str, str, str]:
        value = spec.get(row.name)
        changed = not row.required and value != _as_plain(row.default)
        return row.name, _setting(value), "" if row.required else "changed" if changed else "default"

    listed = [line(row) for row in table_rows if row.name in spec and row.name != "output"]
    return join((element("h2", "Settings"), table(("Setting", "Value", ""), listed)))


def _messages(given: ReportInput) -> Markup:
    if not given.messages:
        return Markup("")
    last = given.messages[-_MOST_MESSAGES:]
    left = len(given.messages) - len(last)
    lines: Iterable[str] = (
        element("div", text, class_="warning" if level != "info" else "info") for level, text in last
    )
    note = [element("p", f"{left} earlier messages are in {EVENTS_LOG}.", class_="note")] if left else []
    heading = element("summary", f"Messages of the job ({len(given.messages)})")
    return join((element("h2", "Log"), element("details", heading, *note, element("pre", *lines))))


def _setting(value: Any) -> str:
    if value is None:
        return "\u2013"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> str:
    number = _number(value)
    return "" if number is None else f"{number:.4g}"


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else None


def _json(path: Path) -> dict[str, Any]:
    """Contents of a file; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _records(path: Path) -> Sequence[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # half a line, left by a killed process
        if isinstance(record, dict):
            found.append(record)
    return found
