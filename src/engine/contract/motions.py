"""Sentences on what a job moved, from the figures of its domains: the same in its log and in ChimeraX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["motion_sentences"]

_SHOWN = 12
"""Domains told in sentences; all are in the figures."""


def motion_sentences(domains: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each of the first domains, and one on how many more there are.

    Parameters
    ----------
    domains : sequence of mapping
        As under ``displacement`` in ``metrics.json``: ``chain``, ``residues``, ``count``, ``shift`` (A), ``angle``
        (degrees), ``ca_rmsd``, ``ca_rmsd_internal`` (A), ``farthest`` (``residue`` and ``distance`` in A, the farthest
        first) and ``hinge`` (None, or with its ``angle``). A figure is None where it is not known.
    """
    told = [_sentence(domain) for domain in domains[:_SHOWN]]
    if len(domains) > _SHOWN:
        told.append(f"{len(domains) - _SHOWN} more domains are in metrics.json, under 'displacement'.")
    return told


def _sentence(domain: Mapping[str, Any]) -> str:
    text = (
        f"Residues {domain['residues']} of chain {domain['chain']} ({domain['count']}) moved by "
        f"{_said(domain['shift'], 2)} A and {_said(domain['angle'], 1)} degrees as a whole and by "
        f"{_said(domain['ca_rmsd_internal'], 2)} A (rms) inside; CA RMSD to the start {_said(domain['ca_rmsd'], 2)} A"
    )
    far = domain["farthest"]
    if far and far[0]["distance"]:
        text += ", most at " + ", ".join(f"{one['residue']} ({_said(one['distance'], 1)} A)" for one in far)
    if domain["hinge"] is not None:
        turn = _said(domain["hinge"]["angle"], 0)
        text += f"; turned by {turn} degrees against the first domain of the chain"
    return text + "."


def _said(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"
