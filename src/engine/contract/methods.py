"""A methods section for what a job did, and what to cite: sentences from its settings, figures and versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .kinds import KINDS
from .requests import parse_request
from .specs.model import SEQUENCE_MODELS

__all__ = ["Citation", "citations", "methods"]


@dataclass(frozen=True)
class Citation:
    """One publication.

    Parameters
    ----------
    what : str
        What it is cited for.
    text : str
        Authors, title, journal, year.
    url : str
    """

    what: str
    text: str
    url: str


_METHOD = Citation(
    "the solver",
    "Levy A, Chan ER, Fridovich-Keil S, Poitevin F, Zhong ED, Wetzstein G. Solving inverse problems in protein space "
    "using diffusion-based priors. arXiv:2406.04239 (2024).",
    "https://arxiv.org/abs/2406.04239",
)
_CHROMA = (
    "Ingraham JB, Baranov M, Costello Z, et al. Illuminating protein space with a programmable generative model. "
    "Nature 623, 1070-1078 (2023).",
    "https://doi.org/10.1038/s41586-023-06728-8",
)
_PROTEIN_MPNN = Citation(
    "the likelihood of the sequence",
    "Dauparas J, Anishchenko I, Bennett N, et al. Robust deep learning-based protein sequence design using "
    "ProteinMPNN. Science 378, 49-56 (2022).",
    "https://doi.org/10.1126/science.add2187",
)
_DESIGN_NAMES = {"proteinmpnn": "ProteinMPNN", "chroma": "Chroma"}
_OPENMM = Citation(
    "relaxation",
    "Eastman P, Galvelis R, Pelaez RP, et al. OpenMM 8: molecular dynamics simulation with machine learning "
    "potentials. J. Phys. Chem. B 128, 109-116 (2024).",
    "https://doi.org/10.1021/acs.jpcb.3c06662",
)
_FF14SB = Citation(
    "the force field",
    "Maier JA, Martinez C, Kasavajhala K, Wickstrom L, Hauser KE, Simmerling C. ff14SB: improving the accuracy of "
    "protein side chain and backbone parameters from ff99SB. J. Chem. Theory Comput. 11, 3696-3713 (2015).",
    "https://doi.org/10.1021/acs.jctc.5b00255",
)
_Q_SCORE = Citation(
    "Q-scores",
    "Pintilie G, Zhang K, Su Z, Li S, Schmid MF, Chiu W. Measurement of atom resolvability in cryo-EM maps with "
    "Q-scores. Nat. Methods 17, 328-334 (2020).",
    "https://doi.org/10.1038/s41592-020-0731-1",
)
_MOLPROBITY = Citation(
    "definitions of clashscore, rotamer and Ramachandran outliers",
    "Williams CJ, Headd JJ, Moriarty NW, et al. MolProbity: more and better reference data for improved all-atom "
    "structure validation. Protein Sci. 27, 293-315 (2018).",
    "https://doi.org/10.1002/pro.3330",
)
_CHIMERAX = Citation(
    "the graphical interface",
    "Meng EC, Goddard TD, Pettersen EF, Couch GS, Pearson ZJ, Morris JH, Ferrin TE. UCSF ChimeraX: tools for structure "
    "building and analysis. Protein Sci. 32, e4792 (2023).",
    "https://doi.org/10.1002/pro.4792",
)


def methods(spec: Mapping[str, Any], metrics: Mapping[str, Any], versions: Mapping[str, str]) -> list[str]:
    """Sentences for a methods section.

    Parameters
    ----------
    spec : mapping
        Settings of the job as plain values, with its ``kind``.
    metrics : mapping
        Of ``metrics.json``; what is missing there is left out.
    versions : mapping of str to str
        By program, as the job's log has them; may be empty.
    """
    kind = KINDS[str(spec["kind"])]
    program = " ".join(filter(None, ("ADP-3D", versions.get("adp3d", ""))))
    resolution = _number(metrics, "resolution")
    at = f" at {resolution:.3g} \u00c5 resolution" if resolution is not None else ""
    lines = [f"The model was {kind.methods or kind.done}{at} with {program}{_sampling(spec)}."]
    built, residues = _built(metrics)
    if built:
        lines.append(f"{built} of its {residues} residues were built anew where the starting model had none.")
    if metrics.get("side_chains"):
        seen = "the map, " if kind.needs_map else ""
        chroma = spec.get("side_chain_model") == "chroma"
        model = "the design network of Chroma" if chroma else "a learned model of their torsions"
        lines.append(f"Side chains were chosen together, by {seen}contacts and {model}.")
    network = _sequence_network(spec, metrics)
    if network:
        weight = _number(spec, "sequence_weight")
        pull = f", and drew the model with a weight of {weight:g}" if weight else ""
        lines.append(
            f"The likelihood of the sequence given the structure, by {_DESIGN_NAMES.get(network, network)}, helped to "
            f"choose between replicas{pull}."
        )
    if metrics.get("relaxation"):
        openmm = " ".join(filter(None, ("OpenMM", versions.get("openmm", ""))))
        density = " with the map as a potential" if kind.needs_map else ""
        lines.append(f"The result was relaxed with the force field ff14SB in {openmm}{density}.")
    confidence = _number(metrics, "mean_confidence")
    if confidence is not None:
        replicas = spec.get("replicas")
        lines.append(
            f"The confidence of each residue comes from the agreement of {replicas} replicas"
            f"{' and the fit to the map' if kind.needs_map else ''}; its mean is {confidence:.0f} of 100."
        )
    return lines


def citations(spec: Mapping[str, Any], metrics: Mapping[str, Any], in_chimerax: bool = False) -> tuple[Citation, ...]:
    """What a paper that uses the result should cite, the method first."""
    found = [_METHOD]
    network = _sequence_network(spec, metrics)
    if "chroma" in (spec.get("prior"), network, spec.get("side_chain_model")):
        found.append(Citation("Chroma", *_CHROMA))
    elif str(spec.get("prior", "")).startswith("builtin"):
        found.append(Citation("the noise covariance of the prior", *_CHROMA))
    if network == "proteinmpnn":
        found.append(_PROTEIN_MPNN)
    if metrics.get("relaxation"):
        found += [_OPENMM, _FF14SB]
    validated = (metrics.get("validation") or {}).get("after") or {}
    if validated:
        found.append(_MOLPROBITY)
    if validated.get("q_score") is not None:
        found.append(_Q_SCORE)
    return (*found, _CHIMERAX) if in_chimerax else tuple(found)


def _sequence_network(spec: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Design network that judged the sequence; empty if none did. Jobs of earlier versions do not name it."""
    if "sequence" not in (metrics.get("measurements") or {}):
        return ""
    asked = [request for request in map(parse_request, spec.get("measure") or ()) if request.name == "sequence"]
    named = [request.words[1] for request in asked if len(request.words) > 1]
    return named[0] if named else str(spec.get("sequence_model", SEQUENCE_MODELS[0]))


def _sampling(spec: Mapping[str, Any]) -> str:
    """What was sampled, in brackets; empty for jobs that sample nothing."""
    known = [
        f"prior {spec['prior']}" if spec.get("prior") else "",
        f"{spec['replicas']} replicas" if spec.get("replicas") else "",
        f"{spec['steps']} steps" if spec.get("steps") else "",
        f"seed {spec['seed']}" if spec.get("seed") is not None else "",
    ]
    told = ", ".join(filter(None, known))
    return f" ({told})" if told else ""


def _built(metrics: Mapping[str, Any]) -> tuple[int, int]:
    residues, before = _number(metrics, "residues"), _number(metrics, "completeness_before")
    if residues is None or before is None:
        return 0, 0
    return round(residues * (1 - before / 100)), round(residues)


def _number(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if usable else None  # type: ignore[arg-type]
