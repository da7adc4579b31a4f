"""core/src/commands/atomspec.py: models, chains, residue numbers and atom names, separated by commas."""

import re

_PART = re.compile(r"(?:#(?P<m>[\d.,-]+))?(?:/(?P<c>[\w,]+))?(?::(?P<r>[\w,-]+))?(?:@(?P<a>[\w,]+))?")


def _ranges(text):
    for item in text.split(","):
        first, _, last = item.partition("-") if not item.startswith("-") else (item, "", "")
        yield (first, last or first)


class Objects:
    """core/src/objects.py: what a specifier found."""

    def __init__(self, models, atoms):
        self.models = models
        self.atoms = atoms

    @property
    def residues(self):
        return self.atoms.unique_residues


class AtomSpec:
    """A parsed specifier."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    def evaluate(self, session, **kw):
        from chimerax.atomic import Atoms, Structure

        models, atoms = [], []
        for part in self.text.split("&")[0].replace(" ", "").split("|"):
            for match in _PART.finditer(part):
                if match.group():
                    found = [m for m in session.models if _model_matches(m, match["m"])]
                    models += [m for m in found if m not in models]
                    for model in found:
                        if isinstance(model, Structure):
                            atoms += [a for a in model.atoms if _atom_matches(a, match)]
        if "/" in self.text or ":" in self.text or "@" in self.text:
            models = [m for m in models if any(a.structure is m for a in atoms)]
        return Objects(models, Atoms(list(dict.fromkeys(atoms))))


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


class AtomSpecArg:
    """Argument that specifies atoms or models."""

    name = "an atom specifier"
    allow_repeat = False

    @classmethod
    def parse(cls, text, session):
        from .cli import AnnotationError, next_token

        token, _, rest = next_token(text)
        match = re.match(r"[#/:@][^\s;]*|all\b", token)
        if match is None or match.group() != token:
            raise AnnotationError(f"invalid atom specifier {token!r}")
        return AtomSpec("#1-9999" if token == "all" else token), token, rest
