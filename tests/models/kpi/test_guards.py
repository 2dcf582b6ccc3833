"""A number that rose while its guard got worse, by more than noise, carries a note; one that cannot be compared carries none."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.context import BuildContext, Model
from models.kpi import kpi_periods
from models.kpi.kpi_daily import SEGMENTS
from tests.models.factories import AS_OF, a_context, a_deal, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, agreed

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
AUGUST, SEPTEMBER = date(2026, 8, 3), date(2026, 9, 1)
HELD = {"event": "meetings", "where": {"outcome": "held"}, "date": "held_date", "credit": "rep_id"}
VALID = {"event": "meetings", "where": {"verdict": "valid"}, "date": "held_date", "credit": "rep_id"}
WON = {
    "event": "meetings",
    "where": {"verdict": "valid", "deal_status": "won"},
    "date": "held_date",
    "credit": "rep_id",
}
SHOWN = HELD | {"where": {"outcome": ["held", "no_show"]}}
RATE = a_kpi(
    id="valid_rate", kind="rate", unit="fraction", numerator=VALID, denominator=HELD, definition="valid_meeting"
)
NO_SHOWS = a_kpi(
    id="no_show_rate",
    kind="rate",
    unit="fraction",
    better="lower",
    numerator=SHOWN | {"where": {"outcome": "no_show"}},
    denominator=SHOWN,
)
TO_WON = a_kpi(
    id="meeting_to_won", kind="rate", unit="fraction", numerator=WON, denominator=VALID, definition="valid_meeting"
)


def note(
    connection: sa.Connection,
    build: Build,
    guard: Any = RATE,
    *,
    main: tuple[int, int] = (100, 130),
    before: tuple[int, int] = (50, 100),
    now: tuple[int, int] = (30, 100),
    versions: tuple[int, int] = (1, 1),
) -> str | None:
    """Give the note of September's meetings held, guarded by a rate, for two numbers of August and September each."""
    kpis = (a_kpi(guard=guard.id), guard)
    facts = [
        _fact(kpi_id, day, sums, version)
        for kpi_id, both in (("meetings_held", [(n, None) for n in main]), (guard.id, [before, now]))
        for day, sums, version in zip((AUGUST, SEPTEMBER), both, versions, strict=True)
    ]
    insert(connection, tables.kpi_daily, *facts)
    context = a_context(agreement=agreed(*kpis, definitions=(a_definition(), a_definition(version=2))))
    rows = build(kpi_periods.MODEL, context)
    (found,) = [
        row["guard_note"]
        for row in rows
        if (row["kpi_id"], row["period_kind"], row["scope_kind"]) == ("meetings_held", "month", "team")
        and row["period_start"] == SEPTEMBER
    ]
    return str(found) if found else None


def _fact(kpi_id: str, day: date, sums: tuple[int, int | None], version: int) -> dict[str, Any]:
    return row_of(
        tables.kpi_daily,
        kpi_id=kpi_id,
        counted_date=day,
        rep_id="hs:r1",
        team="is_east",
        department="inside_sales",
        **dict.fromkeys(SEGMENTS, "web"),
        definition_version=None if kpi_id == "meetings_held" else version,
        numerator=sums[0],
        denominator=sums[1],
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, "guard_fell", id="rose while the guard fell"),
        pytest.param({"main": (130, 100)}, None, id="both fell"),
        pytest.param({"main": (100, 100)}, None, id="did not rise"),
        pytest.param({"now": (60, 100)}, None, id="the guard rose, too"),
        pytest.param({"now": (45, 100)}, None, id="fell within noise"),
        pytest.param({"before": (10, 19), "now": (0, 19)}, None, id="one case too few"),
        pytest.param({"before": (10, 20), "now": (0, 20)}, "guard_fell", id="just enough cases"),
        pytest.param({"versions": (1, 2)}, None, id="judged by another version"),
        pytest.param({"guard": NO_SHOWS}, None, id="lower is better: fewer no-shows"),
        pytest.param({"guard": NO_SHOWS, "now": (70, 100)}, "guard_fell", id="lower is better: more no-shows"),
    ],
)
def test_a_note_stands_beside_what_rose_at_the_cost_of_its_guard(
    with_calendar: sa.Connection, build: Build, changes: dict[str, Any], expected: str | None
) -> None:
    assert note(with_calendar, build, **changes) == expected


# --- guards whose cases are decided later -----------------------------------------------------------------------------

AUGUST_DAY, SEPTEMBER_DAY = date(2026, 8, 5), date(2026, 9, 5)  # each the fifth of its month: 31 days apart
SOON, LATE = 10, 40  # days to a win; at the end of September the September meetings are 25 days old


def cohort(name: str, day: date, size: int, wins: dict[int, int]) -> dict[sa.Table, list[dict[str, Any]]]:
    """Valid meetings of one day, so many of them won after so many days."""
    days = [after for after, count in wins.items() for _ in range(count)] + [None] * (size - sum(wins.values()))
    rows: dict[sa.Table, list[dict[str, Any]]] = {tables.meetings: [], tables.meeting_verdicts: [], tables.deals: []}
    for number, after in enumerate(days):
        key = f"hs:{name}{number}"
        rows[tables.meetings].append(a_meeting(meeting_id=key, deal_id=key, held_date=day))
        rows[tables.meeting_verdicts].append(
            row_of(tables.meeting_verdicts, meeting_id=key, verdict="valid", definition_version=1)
        )
        closed = {} if after is None else {"close_date": day + timedelta(days=after)}
        is_won = after is not None and closed["close_date"] <= AS_OF
        rows[tables.deals].append(a_deal(deal_id=key, status="won" if is_won else "open", **closed))
    return rows


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param({LATE: 50}, {LATE: 50}, None, id="young meetings are no falling guard"),
        pytest.param({SOON: 30, LATE: 50}, {SOON: 30, LATE: 50}, None, id="as good as the month before at its age"),
        pytest.param({SOON: 30}, {SOON: 5}, "guard_fell", id="worse than the month before at its age"),
        pytest.param({SOON: 5, LATE: 50}, {SOON: 30}, None, id="better at the same age though fewer in all"),
        pytest.param({25: 30}, {}, "guard_fell", id="won on the last day of the same age"),
        pytest.param({26: 30}, {}, None, id="won a day after it"),
    ],
)
def test_a_guard_that_is_decided_later_is_compared_at_the_same_age(
    with_calendar: sa.Connection, build: Build, before: dict[int, int], now: dict[int, int], expected: str | None
) -> None:
    for rows in (cohort("a", AUGUST_DAY, 100, before), cohort("s", SEPTEMBER_DAY, 130, now)):
        for table, values in rows.items():
            insert(with_calendar, table, *values)
    team = row_of(
        tables.rep_teams, rep_id="hs:r1", team="is_east", department="inside_sales", valid_from=date(2026, 1, 1)
    )
    insert(with_calendar, tables.rep_teams, team)

    # what kpi_daily has says that none was won at all: a note must not come from there
    assert note(with_calendar, build, TO_WON, before=(100, 100), now=(0, 130), main=(100, 130)) == expected
