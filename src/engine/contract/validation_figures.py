"""Figures of the validation of a model, and how users read them everywhere: terminal, report and ChimeraX's Log."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["C_BETA_LIMIT", "VALIDATION_FIGURES", "labelled"]

C_BETA_LIMIT = 0.25
"""Deviation of a C-beta in angstrom from which on it is an outlier (Lovell et al., Proteins 50, 437, 2003)."""

VALIDATION_FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "molprobity_score": "MolProbity score",
        "clashscore": "Clashscore",
        "clashes": "Clashes",
        "ramachandran_favoured_percent": "Ramachandran favoured (%)",
        "ramachandran_outliers_percent": "Ramachandran outliers (%)",
        "rotamers_favoured_percent": "Rotamers favoured (%)",
        "rotamer_outliers_percent": "Rotamer outliers (%)",
        "c_beta_outliers": "C-beta outliers",
        "cis_not_proline": "Cis peptides, not before proline",
        "twisted_peptides": "Twisted peptides",
        "d_amino_acids": "D-amino acids",
        "incomplete_side_chains": "Incomplete side chains",
        "bond_rmsz": "Bond RMSZ",
        "angle_rmsz": "Angle RMSZ",
        "cc_mask": "CC_mask",
        "q_score": "Q-score",
        "q_score_side_chains": "Q-score of side chains",
        "resolution": "Resolution (\u00c5)",
    }
)
"""By their names in ``metrics.json`` (`adp3d.validation.model_report`), in the order in which they are shown."""


def labelled(*names: str) -> dict[str, str]:
    """Some of the figures with their labels, in the order of `VALIDATION_FIGURES`.

    Raises
    ------
    KeyError
        If there is no such figure.
    """
    unknown = set(names) - set(VALIDATION_FIGURES)
    if unknown:
        raise KeyError(f"no figures of a validation: {', '.join(sorted(unknown))}")
    return {name: label for name, label in VALIDATION_FIGURES.items() if name in names}
