"""core/src/commands/cli.py: annotations, registration and parsing of commands."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable

from ..errors import UserError
from .annotation import Annotation
from .atomspec import AtomSpecArg

_registry = {}


class AnnotationError(UserError, ValueError):
    """An argument has the wrong form."""

    def __init__(self, message, offset=0):
        super().__init__(message)
        self.offset = offset


def next_token(text, convert=False):
    """First word of a text: (word, characters of it, rest); quotes hold words together."""
    text = text.lstrip()
    if text[:1] in ('"', "'"):
        end = text.find(text[0], 1)
        if end < 0:
            raise AnnotationError("incomplete quoted text")
        chars = text[: end + 1]
        return chars[1:-1].replace("\\\\", "\\"), chars, text[end + 1 :]
    match = re.match(r"[^\s;]*", text)
    return match.group(), match.group(), text[match.end() :]


def quote_if_necessary(s: str, additional_special_map: dict[str, str] | None = None) -> str:
    return s if s and re.fullmatch(r"[^\s;\"'\\]+", s) else '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_path_if_necessary(path: str) -> str:
    return path if re.fullmatch(r"[^\s;\"']+", path) else f'"{path}"'


def user_kw(name: str) -> str:
    """Keyword as users type it: in_map becomes inMap."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


class StringArg(Annotation):
    name = "a text string"

    @staticmethod
    def parse(text, session):
        if not text:
            raise AnnotationError("Expected a text string")
        return next_token(text)


class RestOfLine(Annotation):
    name = "the rest of line"

    @staticmethod
    def parse(text, session):
        return text.strip(), text, ""


class IntArg(Annotation):
    name = "an integer"

    @staticmethod
    def parse(text, session):
        token, chars, rest = next_token(text)
        try:
            return int(token), chars, rest
        except ValueError:
            raise AnnotationError("Expected an integer") from None


class FloatArg(Annotation):
    name = "a number"

    @staticmethod
    def parse(text, session):
        token, chars, rest = next_token(text)
        try:
            return float(token), chars, rest
        except ValueError:
            raise AnnotationError("Expected a number") from None


class BoolArg(Annotation):
    name = "true or false"

    @staticmethod
    def parse(text, session):
        token, chars, rest = next_token(text)
        folded = token.casefold()
        if folded and ("true".startswith(folded) or folded == "1"):
            return True, chars, rest
        if folded and ("false".startswith(folded) or folded == "0"):
            return False, chars, rest
        raise AnnotationError("Expected true or false (or 1 or 0)")


class NoArg(Annotation):
    name = "nothing"

    @staticmethod
    def parse(text, session):
        return True, "", text


class NoneArg(Annotation):
    name = "none"

    @staticmethod
    def parse(text, session):
        token, chars, rest = next_token(text)
        if token.casefold() == "none":
            return None, chars, rest
        raise AnnotationError("Expected none")


class EmptyArg(Annotation):
    name = "nothing"

    @staticmethod
    def parse(text, session):
        return None, "", text


class Bounded(Annotation):
    """Number within limits."""

    def __init__(self, annotation, min=None, max=None, inclusive=True, name=None, url=None):
        super().__init__(name or annotation.name)
        self.anno, self.min, self.max, self.inclusive = annotation, min, max, inclusive

    def parse(self, text, session):
        value, chars, rest = self.anno.parse(text, session)
        if self.min is not None and (value < self.min or (value == self.min and not self.inclusive)):
            raise AnnotationError(f"Must be greater than {'or equal to ' * self.inclusive}{self.min}", len(chars))
        if self.max is not None and (value > self.max or (value == self.max and not self.inclusive)):
            raise AnnotationError(f"Must be less than {'or equal to ' * self.inclusive}{self.max}", len(chars))
        return value, chars, rest


NonNegativeIntArg = Bounded(IntArg, min=0, name="an integer >= 0")
PositiveIntArg = Bounded(IntArg, min=1, name="an integer >= 1")
NonNegativeFloatArg = Bounded(FloatArg, min=0, name="a number >= 0")
PositiveFloatArg = Bounded(FloatArg, min=0, inclusive=False, name="a number > 0")


class EnumOf(Annotation):
    """One of several words; abbreviations are taken."""

    allow_truncated = True

    def __init__(self, values, ids=None, abbreviations=None, name=None, url=None, case_sensitive=False):
        self.values = list(values)
        super().__init__(name or "one of " + ", ".join(map(str, self.values)))

    def parse(self, text, session):
        token, chars, rest = next_token(text)
        folded = token.casefold()
        exact = [v for v in self.values if str(v).casefold() == folded]
        found = exact or [v for v in self.values if folded and str(v).casefold().startswith(folded)]
        if len(found) != 1:
            raise AnnotationError(f"Should be {self.name}")
        return found[0], chars, rest


class Or(Annotation):
    """One of several types."""

    def __init__(self, *annotations, name=None, url=None, html_name=None):
        self.annotations = annotations
        super().__init__(name or " or ".join(a.name for a in annotations))

    def parse(self, text, session):
        for annotation in self.annotations:
            try:
                return annotation.parse(text, session)
            except AnnotationError:
                continue
        raise AnnotationError(f"Expected {self.name}")


class ListOf(Annotation):
    """Values separated by commas."""

    def __init__(self, annotation, min_size=None, max_size=None, name=None, url=None, prefix=None):
        self.annotation, self.min_size, self.max_size = annotation, min_size, max_size
        super().__init__(name or f"a list of {annotation.name}s")

    def parse(self, text, session):
        token, chars, rest = next_token(text)
        values = [self.annotation.parse(item, session)[0] for item in token.split(",")]
        if (self.min_size and len(values) < self.min_size) or (self.max_size and len(values) > self.max_size):
            raise AnnotationError(f"Expected {self.name}")
        return values, chars, rest


IntsArg = ListOf(IntArg)


class RepeatOf(Annotation):
    """Argument that can be given several times."""

    allow_repeat = True

    def __init__(self, annotation):
        super().__init__(annotation.name)
        self.parse = annotation.parse


class FileNameArg(Annotation):
    name = "a file name"

    @classmethod
    def parse(cls, text, session):
        token, chars, rest = StringArg.parse(text, session)
        return os.path.expanduser(token), chars, rest


class OpenFileNameArg(FileNameArg):
    name = "name of a file to open/read"


class OpenFileNamesArg(OpenFileNameArg):
    name = "file names to open"
    allow_repeat = "expand"

    @classmethod
    def parse(cls, text, session):
        path, chars, rest = super().parse(text, session)
        return [path], chars, rest


class SaveFileNameArg(FileNameArg):
    name = "name of a file to save/write"


class OpenFolderNameArg(FileNameArg):
    name = "name of a folder to open/read"


class SaveFolderNameArg(FileNameArg):
    name = "name of a folder to save/write"


class ModelsArg(AtomSpecArg):
    name = "a models specifier"

    @classmethod
    def parse(cls, text, session):
        spec, chars, rest = super().parse(text, session)
        return spec.evaluate(session).models, chars, rest


class ModelArg(AtomSpecArg):
    name = "a model specifier"

    @classmethod
    def parse(cls, text, session):
        spec, chars, rest = super().parse(text, session)
        models = spec.evaluate(session).models
        if len(models) != 1:
            raise AnnotationError(f"Must specify 1 model, got {len(models)}", len(chars))
        return models[0], chars, rest


class ObjectsArg(AtomSpecArg):
    name = "an objects specifier"

    @classmethod
    def parse(cls, text, session):
        spec, chars, rest = super().parse(text, session)
        return spec.evaluate(session), chars, rest


_Arguments = Iterable[tuple[str, Annotation | type[Annotation]]]


class CmdDesc:
    """Arguments of a command."""

    def __init__(
        self,
        required: _Arguments = (),
        optional: _Arguments = (),
        keyword: _Arguments = (),
        postconditions=(),
        required_arguments: Iterable[str] = (),
        non_keyword: Iterable[str] = (),
        hidden: Iterable[str] = (),
        url: str | None = None,
        synopsis: str | None = None,
        self_logging: bool = False,
    ) -> None:
        self._required = dict(required)
        self._optional = dict(optional)
        self._keyword = dict(keyword)
        self._keyword.update(item for item in self._optional.items() if item[0] not in non_keyword)
        self._keyword_map = {user_kw(name): name for name in self._keyword}
        self._required_arguments = required_arguments
        self._function = None
        self.url = url
        self.synopsis = synopsis

    @property
    def function(self):
        return self._function

    @function.setter
    def function(self, function):
        if function is not None:
            if self._function:
                raise ValueError("Can not reuse CmdDesc instances")
            params = list(inspect.signature(function).parameters.values())
            if not params or params[0].name != "session":
                raise ValueError('Missing initial "session" argument')
            for p in params[1:]:
                given = p.name in self._required or p.name in self._required_arguments
                if p.default is inspect.Parameter.empty and not given:
                    raise ValueError(f"Wrong function or '{p.name}' argument must be required or have a default value")
        self._function = function


def register(name, cmd_desc=(), function=None, *, logger=None, registry=None):
    """Make a command known."""
    if cmd_desc.synopsis is None:
        cmd_desc.synopsis = ""
    cmd_desc.function = function
    _registry[name] = cmd_desc
    return function


def registered_commands(multiword: bool = False, _start: str | None = None) -> list[str]:
    return sorted(_registry)


class Command:
    """Parses and runs a line of commands separated by semicolons."""

    def __init__(self, session, *, registry=None):
        self._session = session

    def run(self, text, *, log=True, **kw):
        results = []
        while text.strip(" ;"):
            text = text.lstrip(" ;")
            desc, rest = self._find(text)
            arguments, text = self._arguments(desc, rest)
            results.append(desc.function(self._session, **arguments))
        return results

    def _find(self, text):
        names = [name for name in _registry if re.match(re.escape(name) + r"(?=\s|;|$)", text)]
        if not names:
            raise UserError(f"Unknown command: {text}")
        name = max(names, key=len)
        return _registry[name], text[len(name) :]

    def _arguments(self, desc, text):
        arguments = {}
        for name, anno in {**desc._required, **desc._optional}.items():
            text = text.lstrip()
            if name in desc._optional and (not text or text[0] == ";" or self._is_keyword(desc, text)):
                break
            if not text or text[0] == ";":
                raise UserError(f'Missing or invalid "{user_kw(name)}" argument')
            try:
                value, _, rest = anno.parse(text, self._session)
            except ValueError as error:
                if name in desc._required or getattr(error, "offset", 0):
                    raise UserError(f'Missing or invalid "{user_kw(name)}" argument: {error}') from error
                break
            arguments[name], text = ([value] if anno.allow_repeat is True else value), rest
            while anno.allow_repeat and text.strip() and not self._is_keyword(desc, text.lstrip()):
                try:
                    value, _, rest = anno.parse(text.lstrip(), self._session)
                except ValueError:
                    break
                arguments[name] += [value] if anno.allow_repeat is True else value
                text = rest
        while (text := text.lstrip()) and text[0] != ";":
            word, _, text = next_token(text)
            key = self._keyword(desc, word)
            name = desc._keyword_map[key]
            anno = desc._keyword[name]
            text = text.lstrip()
            if not text and anno is not NoArg:
                raise UserError(f'Missing "{key}" keyword\'s argument')
            try:
                value, _, text = anno.parse(text, self._session)
            except ValueError as error:
                raise UserError(f'Invalid "{key}" argument: {error}') from error
            if anno.allow_repeat:
                arguments.setdefault(name, []).extend(value if isinstance(value, list) else [value])
            elif name in arguments:
                raise UserError(f'Repeated keyword argument "{key}"')
            else:
                arguments[name] = value
        missing = [name for name in desc._required_arguments if name not in arguments]
        if missing:
            raise UserError(f'Missing required "{user_kw(missing[0])}" argument')
        return arguments, text

    def _is_keyword(self, desc, text):
        word = next_token(text)[0]
        return (
            bool(word)
            and word[0].isalpha()
            and any(k.casefold().startswith(word.casefold()) for k in desc._keyword_map)
        )

    def _keyword(self, desc, word):
        if word in desc._keyword_map:
            return word
        found = [k for k in desc._keyword_map if k.casefold().startswith(word.casefold())]
        if len(found) != 1:
            raise UserError(f"Expected keyword {' or '.join(found)}" if found else "Expected fewer arguments")
        return found[0]
