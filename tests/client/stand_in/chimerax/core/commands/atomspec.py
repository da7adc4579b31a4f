"""core/src/commands/atomspec.py: models, chains, residue numbers and atom names, separated by commas."""

from __future__ import annotations

import re
from collections.abc import Collection

from ..objects import Objects
from .annotation import Annotation

_PART = re.compile(r"(?:#(?P<m>[\d.,-]+))?(?:/(?P<c>[\w,']+))?(?::(?P<r>[\w,-]+))?(?:@(?P<a>[\w,]+))?")


def _ranges(text):
    for item in text.split(","):
        first, last = re.fullmatch(r"(-?[^-]+)(?:-(.+))?", item).groups()
        yield (first, last or first)


class AtomSpec:
    """A parsed specifier."""

    outermost_inversion = False

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    def evaluate(self, session, **kw):
        from chimerax.atomic import Atoms

        models, atoms = [], []
        for term in self.text.split("|"):
            found = [_evaluate(part.strip(), session) for part in term.split("&")]
            models += [m for m in found[0][0] if m not in models and all(m in others for others, _ in found)]
            atoms += [a for a in found[0][1] if all(a in others for _, others in found)]
        if re.search(r"[/:@]|[A-Za-z]", self.text):
            models = [m for m in models if any(a.structure is m for a in atoms)]
        return Objects(Atoms(list(dict.fromkeys(atoms))), models=models)


_selectors = {}


def register_selector(name, value, logger, *, user=False, desc=None, atomic=True):
    _selectors[name] = (value, user)


def deregister_selector(name, logger=None):
    del _selectors[name]


def list_selectors() -> Collection[str]:
    return _selectors.keys()


def is_selector_user_defined(name: str) -> bool:
    return _selectors[name][1]


def _evaluate(part, session):
    """Models and atoms of one term."""
    from chimerax.atomic import Structure

    structures = [m for m in session.models if isinstance(m, Structure)]
    if part == "sel":
        chosen = [a for m in structures for a in m.atoms if a.selected]
    elif part == "protein":
        chosen = [a for m in structures for a in m.atoms if a.residue.polymer_type == a.residue.PT_AMINO]
    elif part in _selectors:
        value = _selectors[part][0]
        if callable(value):
            value(session, list(session.models), results := Objects())
            value = results
        chosen = list(value.atoms or ())
    else:
        return _evaluate_hierarchy(part, session)
    return [m for m in structures if any(a.structure is m for a in chosen)], chosen


def _evaluate_hierarchy(part, session):
    """Models, chains, residues and atoms; further chains belong to the model before them."""
    from chimerax.atomic import Structure

    models, atoms, number = [], [], None
    for match in _PART.finditer(part.replace(" ", "")):
        if match.group():
            number = match["m"] or number
            found = [m for m in session.models if _model_matches(m, number)]
            models += [m for m in found if m not in models]
            for model in found:
                if isinstance(model, Structure):
                    atoms += [a for a in model.atoms if _atom_matches(a, match)]
    return models, atoms


def _model_matches(model, text):
    if text is None:
        return True
    for first, last in _ranges(text):
        low, high = (tuple(int(i) for i in end.split(".")) for end in (first, last))
        if low <= model.id[: len(low)] <= high:
            return True
    return False


def _atom_matches(atom, match):
    residue = atom.residue
    if match["c"] and residue.chain_id not in match["c"].split(","):
        return False
    if match["r"] and not any(int(a) <= residue.number <= int(b) for a, b in _ranges(match["r"])):
        return False
    return not match["a"] or atom.name in match["a"].split(",")


class AtomSpecArg(Annotation):
    """Argument that specifies atoms or models."""

    name = "an atom specifier"
    allow_repeat = False

    @classmethod
    def parse(cls, text, session):
        from .cli import AnnotationError, next_token

        token, used, rest = next_token(text)
        while used == token and (more := re.match(r"\s*[&|]\s*(?=\S)", rest)):
            _, _, after = next_token(rest[more.end() :])
            used = token = text[: len(text) - len(after)]
            rest = after
        for part in re.split(r"[&|]", token):
            if not re.fullmatch(r"[#/:@]\S*|all|sel|protein", part.strip()) and part.strip() not in _selectors:
                raise AnnotationError(f"invalid atom specifier {token!r}")
        return AtomSpec("#1-9999" if token == "all" else token), used, rest
