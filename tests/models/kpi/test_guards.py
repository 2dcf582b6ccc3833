"""A number that rose while its guard got worse, by more than noise, carries a note; one that cannot be compared carries none."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.context import BuildContext, Model
from models.kpi import kpi_periods
from models.kpi.kpi_daily import SEGMENTS
from tests.models.factories import a_context, insert, row_of
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
        pytest.param({"guard": TO_WON}, None, id="its cases may still be won"),
    ],
)
def test_a_note_stands_beside_what_rose_at_the_cost_of_its_guard(
    with_calendar: sa.Connection, build: Build, changes: dict[str, Any], expected: str | None
) -> None:
    assert note(with_calendar, build, **changes) == expected
