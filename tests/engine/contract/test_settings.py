"""One row for each setting: what it says is found wherever the setting is offered."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, dataclass, fields

import pytest
import typer
from typer.testing import CliRunner

from adp3d.cli import options
from adp3d.contract.domains import Choice, Flag, Integer, Names, Optional, Real, TwoFiles
from adp3d.contract.errors import InputError
from adp3d.contract.kinds import KINDS
from adp3d.contract.settings import GROUPS, INPUT, OUTPUT, Setting, declare, rows
from adp3d.contract.specification import CompleteSpec, RefineSpec, specifications


@dataclass(frozen=True, kw_only=True)
class Enriched(CompleteSpec):
    """A kind of job with one more setting of each sort."""

    wobble: int = declare(Setting(Integer(2, 9), "How much it wobbles.", OUTPUT, flags=("--wobble", "-w")), 4)
    two_maps: tuple[str, str] | None = declare(Setting(Optional(TwoFiles()), "Two maps."), None)
    pale: bool = declare(Setting(Flag(), "Whether it is pale."), False)
    tidy: bool = declare(Setting(Flag(), "Whether it is tidied up."), True)


def row_of(specification, name):
    (found,) = (row for row in rows(specification) if row.name == name)
    return found


def test_a_row_has_name_default_flag_and_keyword():
    row = row_of(RefineSpec, "half_maps")
    assert (row.flags, row.keyword, row.default, row.required) == (("--half-maps",), "halfMaps", None, False)
    assert row_of(RefineSpec, "map").keyword == "inMap" and row_of(RefineSpec, "map").flags == ()
    assert row_of(RefineSpec, "model").keyword is None and row_of(RefineSpec, "model").required
    assert row_of(Enriched, "wobble").flags == ("--wobble", "-w") and row_of(RefineSpec, "model").default is MISSING


@pytest.mark.parametrize("specification", specifications())
def test_rows_are_complete(specification):
    table = rows(specification)
    assert {row.name for row in table} == {field.name for field in fields(specification)}
    assert [GROUPS.index(row.setting.group) for row in table] == sorted(GROUPS.index(r.setting.group) for r in table)
    for row in table:
        assert row.setting.help.endswith(".") and row.setting.group in GROUPS
        if not row.required:
            assert row.setting.domain.check(row.name, row.default) == row.default
    assert specification.kind in KINDS


def test_one_more_row_is_checked_stored_and_an_option():
    given = {"output": "o", "model": "m.cif"}
    assert Enriched(**given).wobble == 4 and Enriched(**given, wobble=9).wobble == 9
    with pytest.raises(InputError, match="'wobble' must lie between 2 and 9, not 10"):
        Enriched(**given, wobble=10)
    with pytest.raises(InputError, match="'pale' must be true or false"):
        Enriched(**given, pale=1)
    said = {}

    def command(ctx: typer.Context, **settings):
        said.update(settings)

    options.with_parameters(command, options.parameters(rows(Enriched)))
    app = typer.Typer()
    app.command()(command)
    runner = CliRunner()
    words = ["m.cif", "--output", "o", "-w", "7", "--two-maps", "a", "b", "--pale"]
    assert runner.invoke(app, words, catch_exceptions=False).exit_code == 0
    assert said["wobble"] == 7 and said["pale"] is True and said["tidy"] is True and said["steps"] == CompleteSpec.steps
    assert runner.invoke(app, [*words, "--no-tidy"], catch_exceptions=False).exit_code == 0
    assert said["tidy"] is False
    two = row_of(Enriched, "two_maps").setting.domain
    assert options.written(two, said["two_maps"]) == ("a", "b")
    shown = runner.invoke(app, ["--help"]).output
    assert "How much it wobbles." in shown and "[default: 4]" in shown


def test_arguments_come_first_in_their_order():
    made = options.parameters(rows(RefineSpec))
    assert [parameter.name for parameter in made[:4]] == ["map", "model", "half_maps", "resolution"]
    assert made[0].default is inspect.Parameter.empty


def test_a_kind_offers_its_own_settings_before_shared_ones():
    names = [row.name for row in rows(RefineSpec) if row.setting.group == INPUT]
    assert names[0] == "map" and names[-1] == "reference" and names.index("density_weight") < names.index("sequence")


@pytest.mark.parametrize(
    ("domain", "value", "word"),
    [
        (Integer(0, 5), 2.0, "whole number"),
        (Real(0.5, 50, "angstrom"), 51, "0.5 and 50 angstrom"),
        (Choice(("a", "b")), "c", "one of a, b"),
        (Names("a list of chain names"), "A", "a list of chain names"),
        (Optional(Integer(0, 5)), 6, "between 0 and 5"),
    ],
)
def test_domains_say_what_is_wrong(domain, value, word):
    with pytest.raises(InputError, match=f"'x' .*{word}"):
        domain.check("x", value)


def test_lists_of_the_command_line():
    assert options.written(Optional(Names()), "A, B") == ("A", "B")
    assert options.written(Optional(Names()), None) is None
