"""The records behind a number: they add up to it on every night, and each change has its reason."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions_contract.schema import Kpi, ScopeKind
from models import tables
from models.context import BuildContext
from models.kpi import kpi_daily, kpi_periods, record_history, snapshots
from models.kpi.kpi_records import Asked, measure_id, record_statement
from models.kpi.value_changes import Reason, RecordChange, has_records, number_then, record_changes
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_deal, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, agreed

FIRST, SECOND = date(2026, 9, 10), date(2026, 9, 14)
SEPTEMBER = (date(2026, 9, 1), date(2026, 10, 1))
VALID = a_kpi(
    id="valid_meetings",
    numerator={"event": "meetings", "where": {"verdict": "valid"}, "date": "held_date", "credit": "rep_id"},
    definition="valid_meeting",
)
HELD = a_kpi()
WON = a_kpi(
    id="won_amount",
    kind="sum",
    unit="money",
    phase="mature",
    numerator={"event": "deals", "where": {"status": "won"}, "sum": "agreed_amount", "date": "close_date", "credit": "rep_id"},
)  # fmt: skip
KPIS = (HELD, VALID, WON)
AGREEMENT = agreed(*KPIS, definitions=(a_definition(), a_definition(version=2, effective_from=date(2026, 9, 1))))
EAST = Asked(ScopeKind.TEAM, "is_east", *SEPTEMBER)
World = Mapping[str, list[dict[str, Any]]]


def night(connection: sa.Connection, as_of: date, world: World) -> None:
    """Put the CRM's state into core and build what a night builds of it."""
    context: BuildContext = a_context(agreement=AGREEMENT, as_of=as_of)
    core = (tables.meetings, tables.deals, tables.meeting_verdicts, tables.meeting_copies, tables.rep_teams)
    for table in core:
        connection.execute(sa.delete(table))
        insert(connection, table, *world.get(table.name, []))
    if "rep_teams" not in world:
        insert(connection, tables.rep_teams, *TEAMS)
    for model in (kpi_daily.MODEL, kpi_periods.MODEL, record_history.MODEL, snapshots.MODEL):
        write_model(connection, model, context)


def in_team(rep_id: str, team: str) -> dict[str, Any]:
    since = date(2026, 1, 1)
    return row_of(tables.rep_teams, rep_id=rep_id, team=team, department="inside_sales", valid_from=since)


TEAMS = [in_team("hs:r1", "is_east"), in_team("hs:r2", "is_west")]


def met(meeting_id: str, verdict: str = "valid", version: int = 1, **changes: Any) -> World:
    meeting = a_meeting(**({"meeting_id": meeting_id, "held_date": date(2026, 9, 8)} | changes))
    judged = row_of(tables.meeting_verdicts, meeting_id=meeting_id, verdict=verdict, definition_version=version)
    return {"meetings": [meeting], "meeting_verdicts": [judged]}


def together(*worlds: World) -> World:
    names = {name for world in worlds for name in world}
    return {name: [row for world in worlds for row in world.get(name, [])] for name in names}


def changes(connection: sa.Connection, kpi: Kpi) -> list[RecordChange]:
    assert kpi.numerator is not None
    return record_changes(connection, AGREEMENT, kpi, kpi.numerator, EAST, nights=(FIRST, SECOND))


@pytest.mark.parametrize(
    ("before", "after", "reason", "difference"),
    [
        pytest.param({}, met("hs:2", held_date=date(2026, 9, 11)), Reason.NEW, 1, id="its day came later"),
        pytest.param({}, met("hs:2", held_date=date(2026, 9, 10)), Reason.LATE, 1, id="its day had passed: late"),
        pytest.param(met("hs:2", "pending"), met("hs:2"), Reason.EDITED, 1, id="the answer came"),
        pytest.param(met("hs:2"), met("hs:2", "invalid"), Reason.EDITED, -1, id="it no longer counts"),
        pytest.param(met("hs:2"), met("hs:2", "invalid", 2), Reason.NEW_VERSION, -1, id="another version judges"),
        pytest.param(met("hs:2"), met("hs:2", rep_id="hs:r2"), Reason.EDITED, -1, id="another rep has it"),
        pytest.param(met("hs:2"), met("hs:2", held_date=date(2026, 8, 31)), Reason.EDITED, -1, id="another period has it"),
        pytest.param(met("hs:2"), {}, Reason.GONE, -1, id="the CRM no longer has it"),
        pytest.param(
            met("hs:2"),
            {"meeting_copies": [{"connection": "hs", "crm_id": "2", "crm_url": None, "meeting_id": "hs:1", "reason": "invitee"}]},
            Reason.MERGED,
            -1,
            id="it became a copy of another",
        ),
    ],
)  # fmt: skip
def test_each_change_of_a_number_has_its_record_and_reason(
    with_calendar: sa.Connection, before: World, after: World, reason: Reason, difference: int
) -> None:
    night(with_calendar, FIRST, together(met("hs:1"), before))
    night(with_calendar, SECOND, together(met("hs:1"), after))

    (change,) = changes(with_calendar, VALID)

    assert (change.record_id, change.reason, change.after - change.before) == ("hs:2", reason, difference)


def test_what_did_not_change_is_not_told(with_calendar: sa.Connection) -> None:
    for day in (FIRST, SECOND):
        night(with_calendar, day, met("hs:1"))

    assert changes(with_calendar, VALID) == []
    assert with_calendar.execute(sa.select(sa.func.count()).select_from(tables.record_history)).scalar_one() == 2


def test_a_night_is_kept_once_whatever_was_corrected_since(with_calendar: sa.Connection) -> None:
    night(with_calendar, SECOND, met("hs:1"))
    kept = with_calendar.execute(sa.select(tables.record_history)).all()

    night(with_calendar, SECOND, together(met("hs:1"), met("hs:2")))
    night(with_calendar, FIRST, together(met("hs:1"), met("hs:3")))

    assert with_calendar.execute(sa.select(tables.record_history)).all() == kept
    assert value_kept(with_calendar, VALID, SECOND) == 1


def test_a_night_before_the_first_was_not_kept(with_calendar: sa.Connection) -> None:
    night(with_calendar, SECOND, met("hs:1"))
    assert VALID.numerator is not None

    assert has_records(with_calendar, VALID, VALID.numerator, SECOND)
    assert not has_records(with_calendar, VALID, VALID.numerator, FIRST)


def test_a_measure_keeps_its_name_until_its_text_changes() -> None:
    renamed = VALID.model_copy(update={"id": "other", "owner": "field_sales"})
    assert VALID.numerator is not None
    narrower = VALID.numerator.model_copy(update={"where": {"verdict": "invalid"}})

    assert measure_id(renamed, VALID.numerator) == measure_id(VALID, VALID.numerator)
    assert measure_id(VALID, narrower) != measure_id(VALID, VALID.numerator)


# --- the records add up to the number ----------------------------------------------------------------------------------

DAYS = st.dates(date(2026, 8, 28), SECOND)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    meetings = draw(
        st.lists(
            st.tuples(
                st.integers(1, 6),
                st.sampled_from(["valid", "invalid", "pending"]),
                st.sampled_from([1, 2]),
                st.sampled_from(["hs:r1", "hs:r2", None]),
                DAYS,
                st.sampled_from(["held", "no_show"]),
            ),
            max_size=6,
            unique_by=lambda drawn: drawn[0],
        )
    )
    deals = draw(
        st.lists(
            st.tuples(
                st.integers(1, 5), st.sampled_from(["won", "open"]), DAYS, st.none() | st.decimals(0, 10**8, places=2)
            ),
            max_size=5,
            unique_by=lambda drawn: drawn[0],
        )
    )
    rows = [
        met(f"hs:{n}", verdict, version, rep_id=rep, held_date=day, outcome=outcome)
        for n, verdict, version, rep, day, outcome in meetings
    ]
    won = [
        a_deal(deal_id=f"hs:{n}", status=status, close_date=day, agreed_amount=amount)
        for n, status, day, amount in deals
    ]
    team = draw(st.sampled_from(["is_east", "is_west"]))
    return together(*rows) | {"deals": won, "rep_teams": [in_team("hs:r1", team), in_team("hs:r2", "is_west")]}


def value_kept(connection: sa.Connection, kpi: Kpi, day: date, asked: Asked = EAST) -> Decimal:
    kept = sa.select(tables.snapshots.c.numerator).where(
        tables.snapshots.c.kpi_id == kpi.id,
        tables.snapshots.c.known_date == day,
        tables.snapshots.c.period_kind == "month",
        tables.snapshots.c.period_start == asked.start,
        tables.snapshots.c.scope_kind == asked.scope_kind.value,
        tables.snapshots.c.scope_id == asked.scope_id,
    )
    return Decimal(str(connection.execute(kept).scalar_one_or_none() or 0))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=worlds(), second=worlds())
def test_records_add_up_to_the_number_of_each_night_and_changes_to_the_difference(
    with_calendar: sa.Connection, first: World, second: World
) -> None:
    for table in (tables.record_history, tables.snapshots):
        with_calendar.execute(sa.delete(table))
    night(with_calendar, FIRST, first)
    night(with_calendar, SECOND, second)

    for kpi in KPIS:
        measure = kpi.numerator
        assert measure is not None
        for asked in (
            EAST,
            Asked(ScopeKind.REP, "hs:r1", *SEPTEMBER),
            Asked(ScopeKind.DEPARTMENT, "inside_sales", *SEPTEMBER),
        ):
            kept = {day: value_kept(with_calendar, kpi, day, asked) for day in (FIRST, SECOND)}
            listed = with_calendar.execute(record_statement(kpi, measure, asked, as_of=SECOND)).mappings().all()
            found = record_changes(with_calendar, AGREEMENT, kpi, measure, asked, nights=(FIRST, SECOND))

            assert sum(row["amount"] for row in listed) == kept[SECOND]
            for day in (FIRST, SECOND):
                assert with_calendar.execute(number_then(kpi, measure, asked, day)).scalar_one() == kept[day]
            assert sum(one.after - one.before for one in found) == kept[SECOND] - kept[FIRST]
