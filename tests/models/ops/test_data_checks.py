"""Each check of the data counts what is wrong and nothing else."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import PhaseAgreement, Target, TargetAgreement
from definitions_contract.signing import with_signatures
from models import tables
from models.ops import data_checks
from pipelines.warehouse import insert_rows, write_model
from tests.models.factories import AS_OF, BOTH, a_context, a_deal, a_meeting, an_agreement, at, insert, row_of
from tests.models.kpi.agreements import a_definition, a_rule, agreed
from tests.models.kpi.conftest import calendar_rows

Result = tuple[int, str]
Check = Callable[..., Result]


@pytest.fixture
def result(warehouse: sa.Connection) -> Check:
    """Run all checks and give the count and the sentence of one."""
    insert_rows(warehouse, tables.calendar, calendar_rows())

    def run(name: str, **changes: Any) -> Result:
        context = a_context(**changes)
        write_model(warehouse, data_checks.MODEL, context)
        c = tables.check_results.c
        asked = sa.select(c.failed_count, c.detail).where(c.check_name == name, c.as_of == context.as_of)
        row = warehouse.execute(asked).one()
        return row.failed_count, row.detail

    return run


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        # AS_OF is Wednesday 2026-09-30; 21 to 23 September are holidays
        pytest.param({"held_date": date(2026, 9, 25)}, 1, id="Friday: Monday and Tuesday are over"),
        pytest.param({"held_date": date(2026, 9, 28)}, 0, id="Monday: Wednesday is the second day"),
        pytest.param(
            {"held_date": date(2026, 9, 25), "ends_at": at("2026-09-27T16:00")}, 0, id="ended on Monday in Tokyo"
        ),
        pytest.param({"held_date": date(2026, 9, 25), "outcome": "no_show"}, 0, id="recorded"),
        pytest.param({"held_date": None}, 0, id="no day"),
    ],
)
def test_an_outcome_is_missed_two_business_days_after_the_meetings_end(
    warehouse: sa.Connection, result: Check, changes: dict[str, Any], count: int
) -> None:
    insert(warehouse, tables.meetings, a_meeting(**({"outcome": "unknown", "ends_at": None} | changes)))

    assert result("meetings_have_an_outcome")[0] == count


def test_holidays_are_no_days_to_fill_in_an_outcome(warehouse: sa.Connection, result: Check) -> None:
    insert(warehouse, tables.meetings, a_meeting(outcome="unknown", held_date=date(2026, 9, 18), ends_at=None))

    assert result("meetings_have_an_outcome", as_of=date(2026, 9, 25))[0] == 0
    assert result("meetings_have_an_outcome", as_of=date(2026, 9, 28))[0] == 1


PEOPLE: dict[str, Any] = {"connection": "hs", "name": "Aoki Ren", "email": "ren@a.example", "phone": "+81 3 1234 5678"}


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param(
            {"name": "R. Aoki", "email": " Ren@A.example", "phone": None}, 1, id="same e-mail, written otherwise"
        ),
        pytest.param({"name": "aoki ren", "email": None, "phone": "03-1234-5678"}, 1, id="same name and phone"),
        pytest.param({"name": "Mori An", "email": None}, 0, id="same phone, another name"),
        pytest.param({"email": None, "phone": None}, 0, id="same name only"),
        pytest.param({"connection": "sf"}, 0, id="in another CRM: one person already"),
    ],
)
def test_people_are_likely_twice(warehouse: sa.Connection, result: Check, changes: dict[str, Any], count: int) -> None:
    rows = [PEOPLE, PEOPLE | changes, {"connection": "hs"}, {"connection": "hs"}]
    insert(
        warehouse, tables.contacts, *(row_of(tables.contacts, contact_id=f"p{n}", **row) for n, row in enumerate(rows))
    )

    found, sentence = result("people_are_there_once")

    assert found == count
    assert ("e.g. p1 = p0" in sentence) == bool(count)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"connection": "sf", "name": "a DEAL "}, 1, id="copied into the other CRM"),
        pytest.param({}, 1, id="typed twice"),
        pytest.param({"amount": 999}, 0, id="another amount"),
        pytest.param({"close_date": date(2026, 9, 22)}, 0, id="closed on another day"),
        pytest.param({"name": "A renewal"}, 0, id="another name"),
        pytest.param({"amount": None}, 0, id="no amount: nothing is counted twice"),
    ],
)
def test_deals_are_likely_twice(warehouse: sa.Connection, result: Check, changes: dict[str, Any], count: int) -> None:
    insert(warehouse, tables.deals, a_deal(), a_deal(**({"deal_id": "zz:2"} | changes)))

    found, sentence = result("deals_are_there_once")

    assert found == count
    assert ("e.g. zz:2 = hs:1" in sentence) == bool(count)


FIRM: dict[str, Any] = {"connection": "hs", "name": "Aoba", "domain": "aoba.example"}


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"name": "Aoba Inc.", "domain": "https://www.AOBA.example/jp"}, 1, id="same domain"),
        pytest.param({"domain": None}, 1, id="same name, no domain"),
        pytest.param({"domain": "aoba-west.example"}, 0, id="a branch with its own domain"),
        pytest.param({"connection": "sf"}, 0, id="another CRM"),
        pytest.param({"name": None, "domain": None}, 0, id="nothing known"),
    ],
)
def test_companies_are_likely_twice(
    warehouse: sa.Connection, result: Check, changes: dict[str, Any], count: int
) -> None:
    rows = [FIRM, FIRM | changes, {"connection": "hs"}]
    insert(
        warehouse,
        tables.companies,
        *(row_of(tables.companies, company_id=f"c{n}", **row) for n, row in enumerate(rows)),
    )

    assert result("companies_are_there_once")[0] == count


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param(
            {"contact_id": "sf:9", "starts_at": at("2026-09-10T01:00:30")}, 1, id="same person in the other CRM"
        ),
        pytest.param({"outcome": "rescheduled"}, 0, id="the one before it was moved"),
        pytest.param({"starts_at": at("2026-09-10T02:00")}, 0, id="an hour later"),
        pytest.param({"contact_id": None}, 0, id="nobody known"),
    ],
)
def test_meetings_are_likely_twice(
    warehouse: sa.Connection, result: Check, changes: dict[str, Any], count: int
) -> None:
    for contact in ("hs:9", "sf:9"):
        insert(warehouse, tables.contacts, row_of(tables.contacts, contact_id=contact, person_id="hs:9"))
    one = {"contact_id": "hs:9", "starts_at": at("2026-09-10T01:00")}
    insert(warehouse, tables.meetings, a_meeting(meeting_id="a", **one), a_meeting(meeting_id="b", **(one | changes)))

    assert result("meetings_are_there_once")[0] == count


def calls_on(day: date, count: int, connection: str = "hs") -> list[dict[str, Any]]:
    row = {"connection": connection, "called_date": day, "status": "completed", "disposition": "no_answer"}
    return [row_of(tables.calls, call_id=f"{connection}{day}{n}", **row) for n in range(count)]


@pytest.mark.parametrize(
    ("today", "weeks", "count"),
    [
        pytest.param(48, 8, 0, id="as usual"),
        pytest.param(14, 8, 1, id="a third"),
        pytest.param(0, 8, 1, id="nothing at all"),
        pytest.param(110, 8, 1, id="twice as many"),
        pytest.param(0, 4, 0, id="too few weeks to know"),
    ],
)
def test_a_day_far_from_the_same_weekdays_is_told(
    warehouse: sa.Connection, result: Check, today: int, weeks: int, count: int
) -> None:
    odd = {3: 5}  # one odd week does not move the band
    for week in range(1, weeks + 1):
        insert(warehouse, tables.calls, *calls_on(AS_OF - timedelta(weeks=week), odd.get(week, 45 + week)))
    insert(warehouse, tables.calls, *calls_on(AS_OF, today))
    insert(warehouse, tables.calls, *calls_on(AS_OF - timedelta(days=1), 500))  # another weekday

    found, sentence = result("volumes_are_usual")

    assert found == count
    assert (f"hs calls: {today} (usually" in sentence) == bool(count)


def test_a_day_off_is_not_compared(warehouse: sa.Connection, result: Check) -> None:
    holiday = date(2026, 9, 21)
    for week in range(1, 9):
        insert(warehouse, tables.calls, *calls_on(holiday - timedelta(weeks=week), 50))

    assert result("volumes_are_usual", as_of=holiday)[0] == 0


def _targets(signed: date, **changes: Any) -> TargetAgreement:
    values = {"kpi": "won_amount", "scope_kind": "team", "scope_id": "is_east", "every": "month", "value": 1}
    text = TargetAgreement(agreed_between=BOTH, targets=(Target(**(values | {"since": date(2026, 9, 1)})),))
    made = with_signatures(text, dict.fromkeys(BOTH, "Somebody"), signed)
    assert isinstance(made, TargetAgreement)
    return made.model_copy(update=changes)


def _phases(signed: date) -> PhaseAgreement:
    made = with_signatures(an_agreement().phases, dict.fromkeys(BOTH, "Somebody"), signed)
    assert isinstance(made, PhaseAgreement)
    return made


IN_TIME, LATE, LONG_AGO = date(2026, 8, 31), date(2026, 9, 15), date(2026, 3, 31)


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        pytest.param({"targets": _targets(IN_TIME)}, "agreement_was_signed_in_time", "", id="in time"),
        pytest.param(
            {"targets": _targets(LATE)}, "agreement_was_signed_in_time", "targets.yaml, signed on 2026-09-15", id="late"
        ),
        pytest.param({"phases": _phases(LONG_AGO)}, "agreement_was_signed_in_time", "", id="phases in time"),
        pytest.param(
            {"phases": _phases(LATE)}, "agreement_was_signed_in_time", "phases.yaml, signed on 2026-09-15", id="phases late"
        ),
        pytest.param(
            {"targets": _targets(IN_TIME, signatures=_targets(IN_TIME).signatures[:1])},
            "agreement_is_signed",
            "targets.yaml is not signed by field_sales",
            id="one signature is missing",
        ),
        pytest.param(
            {"targets": _targets(IN_TIME, least_sample=21)},
            "agreement_is_unchanged",
            "targets.yaml was changed after inside_sales, field_sales signed: no target counts",
            id="changed after signing",
        ),
    ],
)  # fmt: skip
def test_how_the_texts_stand_is_told(result: Check, changes: dict[str, Any], check: str, words: str) -> None:
    _, sentence = result(check, agreement=an_agreement(**changes))

    assert words in sentence
    assert bool(words) == ("targets.yaml" in sentence or "phases.yaml, signed" in sentence)


def test_a_changed_version_is_an_error_and_a_proposed_one_no_fault(result: Check) -> None:
    first, second = a_definition(), a_definition(a_rule(), version=2, effective_from=date(2026, 9, 8))
    proposed = second.model_copy(update={"signatures": ()})
    changed = second.model_copy(update={"why": "Another."})

    assert "valid_meeting" not in result("agreement_is_signed", agreement=agreed(definitions=(first, proposed)))[1]
    assert result("agreement_is_unchanged", agreement=agreed(definitions=(first, changed))) == (
        1,
        "1 files were changed after they were signed; "
        "valid_meeting/v2.yaml was changed after inside_sales, field_sales signed: this version is not applied",
    )
    assert (
        "valid_meeting/v2.yaml is not signed"
        in result("agreement_is_signed", agreement=agreed(definitions=(proposed,)))[1]
    )


def test_the_page_of_checks_lists_them_all_with_their_severity() -> None:
    page = (Path(__file__).parents[3] / "docs" / "data-checks.md").read_text(encoding="utf-8")

    listed = [tuple(cell.strip(" `") for cell in line.split("|")[1:3]) for line in page.splitlines() if "| `" in line]
    assert sorted(listed) == sorted((check.name, str(check.severity)) for check in data_checks.ALL_CHECKS)
