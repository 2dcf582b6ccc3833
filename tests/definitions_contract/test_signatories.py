"""Who may sign, and from which day on a late signature counts."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from definitions_contract.errors import AgreementError
from definitions_contract.loader import load_agreement
from definitions_contract.resolve import in_force, version_on
from definitions_contract.schema import Agreement, Definition
from definitions_contract.signing import with_signatures
from pipelines.cli.contract import app

Edit = Callable[[str, str, str], None]
MARKETING = "{id: marketing, label: {ja: マーケティング, en: Marketing}, function: marketing"
NAMES = dict.fromkeys(("inside_sales", "field_sales", "marketing"), "Demo Person")


def _signed(definition: Definition, day: date, **changes: object) -> Definition:
    signed = with_signatures(definition.model_copy(update=changes), NAMES, day)
    assert isinstance(signed, Definition)
    return signed


@pytest.mark.parametrize(
    ("signed_on", "first_day"),
    [
        pytest.param(date(2026, 5, 31), date(2026, 6, 1), id="the day before it starts"),
        pytest.param(date(2026, 6, 1), date(2026, 6, 2), id="on its first day"),
        pytest.param(date(2026, 9, 15), date(2026, 9, 16), id="months late"),
    ],
)
def test_a_version_signed_late_does_not_reach_back(signed_on: date, first_day: date, agreement: Agreement) -> None:
    old, new = agreement.definitions
    late = agreement.model_copy(update={"definitions": (old, _signed(new, signed_on))})

    first, second = in_force(late, "valid_meeting")

    assert (first.end, second.start) == (first_day, first_day)
    assert version_on(late, "valid_meeting", date(2026, 6, 1)).version == (2 if signed_on < date(2026, 6, 1) else 1)


def test_the_first_version_may_describe_the_past(agreement: Agreement) -> None:
    first = _signed(agreement.definitions[0], date(2026, 11, 1))
    only = agreement.model_copy(update={"definitions": (first,)})

    assert in_force(only, "valid_meeting")[0].start == date(2024, 4, 1)


def test_a_version_signed_after_its_successor_began_never_holds(agreement: Agreement) -> None:
    old, new = agreement.definitions
    third = _signed(new, date(2026, 7, 1), version=3, effective_from=date(2026, 8, 1))
    late = agreement.model_copy(update={"definitions": (old, _signed(new, date(2026, 9, 1)), third)})

    assert [(v.definition.version, v.start, v.end) for v in in_force(late, "valid_meeting")] == [
        (1, date(2024, 4, 1), date(2026, 8, 1)),
        (3, date(2026, 8, 1), None),
    ]


@pytest.mark.parametrize(
    ("signatories", "is_accepted"),
    [
        pytest.param("[{name: Demo Marketing Manager}]", True, id="named"),
        pytest.param("[{name: Demo Marketing Manager, until: 2026-05-27}]", True, id="left the day after"),
        pytest.param("[{name: Demo Marketing Manager, since: 2026-05-27}]", False, id="came the day after"),
        pytest.param("[{name: Somebody else}]", False, id="not named"),
    ],
)
def test_only_a_signatory_signs(signatories: str, is_accepted: bool, folder: Path, edit: Edit) -> None:
    (folder / "valid_meeting" / "v1.yaml").write_text(_unsigned(folder / "valid_meeting" / "v1.yaml"), encoding="utf-8")
    (folder / "kpis.yaml").write_text(_unsigned(folder / "kpis.yaml"), encoding="utf-8")
    edit("team.yaml", MARKETING, f"{MARKETING}, signatories: {signatories}")

    if is_accepted:
        load_agreement(folder)
    else:
        with pytest.raises(AgreementError, match=r"v2.yaml:\d+: signatures\[2\].name: found Demo Marketing Manager"):
            load_agreement(folder)


def test_the_command_refuses_who_may_not_sign(folder: Path, edit: Edit) -> None:
    edit("team.yaml", MARKETING, f"{MARKETING}, signatories: [{{name: Demo Marketing Manager}}]")
    arguments = ["sign", "--department", "marketing", "--name", "Demo Trainee", "--yes", "--agreement", str(folder)]

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 1
    assert "Demo Trainee may not sign for marketing; by team.yaml may: Demo Marketing Manager" in result.output


def test_check_names_a_signature_of_a_day_to_come(folder: Path, edit: Edit) -> None:
    edit("valid_meeting/v1.yaml", "signed_date: 2024-", "signed_date: 2124-")

    result = CliRunner().invoke(app, ["check", "--agreement", str(folder)])

    assert result.exit_code == 1
    assert "signed in the future" in result.output


def _unsigned(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\nsignatures:")[0] + "\n"
