"""Every KPI of the default agreement is counted as plain Python counts it; parts sum to the whole."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import definitions_contract
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement, Kpi, Measure
from models import tables
from models.core import calendar
from models.errors import UnknownColumnError
from models.kpi import kpi_daily, snapshots
from pipelines.warehouse import write_model
from tests.models.factories import AS_OF, a_call, a_context, a_deal, a_meeting, an_email, insert, row_of
from tests.models.kpi.agreements import a_kpi, agreed

DEFAULT = load_agreement(Path(str(definitions_contract.__file__)).parent / "agreement")
EVENTS = (tables.calls, tables.emails, tables.meetings, tables.deals, tables.meeting_verdicts, tables.rep_teams)
KEYS = ("kpi_id", "counted_date", "rep_id", "team", "department", *kpi_daily.SEGMENTS, "definition_version")
Rows = dict[str, list[dict[str, Any]]]

REPS = st.sampled_from(["hs:r1", "hs:r2", "hs:gone", None])
DAYS = st.none() | st.dates(AS_OF - timedelta(days=40), AS_OF + timedelta(days=3))
SOURCES = st.sampled_from(["web", "list", None])
TEAMS = [
    ("hs:r1", "is_east", "inside_sales", date(2026, 1, 1), date(2026, 9, 10)),
    ("hs:r1", "is_west", "inside_sales", date(2026, 9, 10), None),
    ("hs:r2", "fs", "field_sales", date(2026, 9, 1), None),
]


def load(connection: sa.Connection, rows: Rows) -> None:
    for table in EVENTS:
        connection.execute(sa.delete(table))
        insert(connection, table, *rows.get(table.name, []))


def count(connection: sa.Connection, agreement: Agreement) -> list[dict[str, Any]]:
    write_model(connection, kpi_daily.MODEL, a_context(agreement=agreement))
    return [dict(row) for row in connection.execute(sa.select(tables.kpi_daily)).mappings()]


# --- the second opinion ------------------------------------------------------------------------------------------------


def is_counted(row: Mapping[str, Any], measure: Measure) -> bool:
    day = row[measure.date]
    return day is not None and day <= AS_OF and all(holds(row[name], wanted) for name, wanted in measure.where.items())


def holds(value: Any, wanted: Any) -> bool:
    match wanted:
        case {"not": list() | tuple() as others}:
            return value not in others
        case {"not": other}:
            return bool(value != other)
        case {"at_least": least, **more}:
            return value is not None and bool(value >= least) and (not more or holds(value, more))
        case {"at_most": most}:
            return value is not None and bool(value <= most)
        case {"is_missing": is_missing}:
            return (value is None) == is_missing
        case list() | tuple():
            return value in wanted
        case _:
            return value is not None and bool(value == wanted)


def team_of(rep_id: str | None, day: date, rows: Rows) -> tuple[str, str]:
    for time in rows["rep_teams"]:
        if time["rep_id"] == rep_id and time["valid_from"] <= day and (not time["valid_to"] or day < time["valid_to"]):
            return time["team"], time["department"]
    return "unknown", "unknown"


def deals_then(rows: Rows) -> list[dict[str, Any]]:
    """A deal that closes after AS_OF was open then."""
    then = {"status": "open", "cycle_days": None}
    is_later = [row["close_date"] is not None and row["close_date"] > AS_OF for row in rows["deals"]]
    return [row | (then if later else {}) for row, later in zip(rows["deals"], is_later, strict=True)]


def events_of(rows: Rows, event: str) -> list[dict[str, Any]]:
    if event == "deals":
        return deals_then(rows)
    if event != "meetings":
        return rows[event]
    verdicts = {row["meeting_id"]: row for row in rows["meeting_verdicts"]}
    deals = {row["deal_id"]: row for row in deals_then(rows)}
    return [
        row
        | {name: verdicts.get(row["meeting_id"], {}).get(name) for name in ("verdict", "definition_version")}
        | {"deal_status": deals.get(row["deal_id"], {}).get("status")}
        for row in rows["meetings"]
    ]


def plainly_counted(agreement: Agreement, rows: Rows) -> dict[tuple[Any, ...], tuple[Decimal, Decimal | None]]:
    sums: dict[str, Counter[tuple[Any, ...]]] = {"numerator": Counter(), "denominator": Counter()}
    keys = set()
    for kpi in agreement.kpis.kpis:
        for side, measure in (("numerator", kpi.numerator), ("denominator", kpi.denominator)):
            for row in events_of(rows, measure.event) if measure else []:
                assert measure is not None
                if not is_counted(row, measure):
                    continue
                rep, day = row[measure.credit], row[measure.date]
                version = row.get("definition_version") if kpi.definition else None
                segments = [row[name] or "unknown" for name in kpi_daily.SEGMENTS]
                key = (kpi.id, day, rep or "unknown", *team_of(rep, day, rows), *segments, version)
                keys.add(key)
                sums[side][key] += (row[measure.sum] or 0) if measure.sum else 1
    divided = {kpi.id for kpi in agreement.kpis.kpis if kpi.denominator}
    return {key: (sums["numerator"][key], sums["denominator"][key] if key[0] in divided else None) for key in keys}


# --- random companies --------------------------------------------------------------------------------------------------


@st.composite
def companies(draw: st.DrawFn) -> Rows:
    def rows(factory: Any, key: str, **values: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
        drawn = st.fixed_dictionaries(values | {"rep_id": REPS, "lead_source": SOURCES})
        return [factory(**{key: f"hs:{n}"}, **row) for n, row in enumerate(draw(st.lists(drawn, max_size=6)))]

    meetings = rows(
        a_meeting,
        "meeting_id",
        outcome=st.sampled_from(["held", "no_show", "booked", None]),
        field_sales_feedback=st.sampled_from(["accepted", "rejected", None]),
        deal_id=st.sampled_from(["hs:0", "hs:1", None]),
        booked_date=DAYS,
        held_date=DAYS,
    )
    return {
        "calls": rows(
            a_call,
            "call_id",
            direction=st.sampled_from(["outbound", "inbound"]),
            status=st.sampled_from(["completed", "planned"]),
            disposition=st.sampled_from(["connected", "no_answer", "unknown", None]),
            called_date=DAYS,
        ),
        "emails": rows(
            an_email,
            "email_id",
            is_delivered=st.booleans(),
            is_opened=st.booleans(),
            is_replied=st.none() | st.booleans(),
            sent_date=DAYS,
        ),
        "meetings": meetings,
        "deals": rows(
            a_deal,
            "deal_id",
            status=st.sampled_from(["won", "lost", "open"]),
            agreed_amount=st.none() | st.decimals(-(10**6), 10**9, places=2),
            cycle_days=st.none() | st.integers(0, 90),
            created_date=DAYS,
            close_date=DAYS,
        ),
        "meeting_verdicts": [
            row_of(tables.meeting_verdicts, meeting_id=row["meeting_id"], verdict=verdict, definition_version=version)
            for row in meetings
            for verdict, version in [draw(st.sampled_from([("valid", 1), ("valid", 2), ("invalid", 2), (None, None)]))]
        ],
        "rep_teams": [
            row_of(tables.rep_teams, rep_id=rep, team=team, department=department, valid_from=start, valid_to=end)
            for rep, team, department, start, end in TEAMS
        ],
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=companies())
def test_every_kpi_of_the_default_agreement_is_counted_as_plain_python_counts_it(
    warehouse: sa.Connection, rows: Rows
) -> None:
    load(warehouse, rows)

    counted = count(warehouse, DEFAULT)

    assert {
        tuple(row[name] for name in KEYS): (row["numerator"], row["denominator"]) for row in counted
    } == plainly_counted(DEFAULT, rows)
    assert len(counted) == len({tuple(row[name] for name in KEYS) for row in counted})


# --- KPIs of a team's own ------------------------------------------------------------------------------------------------

TEXTS = {
    "calls": {"direction": ("outbound", "inbound"), "disposition": ("connected", "no_answer", "unknown")},
    "emails": {"lead_source": ("web", "list")},
    "meetings": {"outcome": ("held", "no_show", "booked"), "deal_status": ("won", "open")},
    "deals": {"status": ("won", "lost", "open"), "lead_source": ("web", "list")},
}
NUMBERS = {"calls": "duration_seconds", "meetings": "minutes", "deals": "cycle_days"}
DATES = {"calls": ("called_date",), "emails": ("sent_date",), "meetings": ("booked_date", "held_date"),
         "deals": ("created_date", "close_date")}  # fmt: skip
CREDITS = {"meetings": ("rep_id", "held_by_rep_id"), "deals": ("rep_id", "owner_rep_id")}


@st.composite
def conditions(draw: st.DrawFn, event: str) -> dict[str, Any]:
    """A `where` as a team may write it: each form of kpis.yaml, on texts and numbers."""
    where: dict[str, Any] = {}
    for column, values in TEXTS[event].items():
        one = st.sampled_from(values)
        some = st.lists(one, min_size=1, max_size=2)
        forms = one | some | one.map(lambda value: {"not": value}) | some.map(lambda listed: {"not": listed})
        form = draw(st.none() | forms | st.booleans().map(lambda is_missing: {"is_missing": is_missing}))
        where |= {} if form is None else {column: form}
    if event in NUMBERS and draw(st.booleans()):
        least = draw(st.integers(0, 60))
        where[NUMBERS[event]] = draw(
            st.sampled_from([{"at_least": least}, {"at_most": least}, {"at_least": least, "at_most": least + 20}])
        )
    return where


@st.composite
def measures(draw: st.DrawFn, *, sums: bool) -> dict[str, Any]:
    event = draw(st.sampled_from(sorted(NUMBERS if sums else TEXTS)))
    added = {"sum": NUMBERS[event]} if sums else {}
    credit = draw(st.sampled_from(CREDITS.get(event, ("rep_id",))))
    day = draw(st.sampled_from(DATES[event]))
    return {"event": event, "where": draw(conditions(event)), "date": day, "credit": credit, **added}


@st.composite
def own_kpis(draw: st.DrawFn) -> Kpi:
    kind = draw(st.sampled_from(["count", "sum", "rate", "mean"]))
    sides = {"numerator": draw(measures(sums=kind in ("sum", "mean")))}
    if kind in ("rate", "mean"):
        sides["denominator"] = draw(measures(sums=False))
    return a_kpi(id=f"own_{kind}", kind=kind, **sides)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=companies(), kpis=st.lists(own_kpis(), min_size=1, max_size=3, unique_by=lambda kpi: kpi.id))
def test_any_kpi_that_a_team_writes_is_counted_as_plain_python_counts_it(
    warehouse: sa.Connection, rows: Rows, kpis: list[Kpi]
) -> None:
    load(warehouse, rows)
    agreement = agreed(*kpis)

    counted = count(warehouse, agreement)

    assert {
        tuple(row[name] for name in KEYS): (row["numerator"], row["denominator"]) for row in counted
    } == plainly_counted(agreement, rows)


# --- single rules ------------------------------------------------------------------------------------------------------


def total(connection: sa.Connection, where: Mapping[str, Any], *meetings: dict[str, Any]) -> Decimal | int:
    load(connection, {"meetings": list(meetings)})
    measure = {"event": "meetings", "where": where, "date": "held_date", "credit": "rep_id"}
    return sum(row["numerator"] for row in count(connection, agreed(a_kpi(numerator=measure))))


@pytest.mark.parametrize(
    ("where", "changes", "expected"),
    [
        pytest.param({}, {}, 1, id="no condition"),
        pytest.param({}, {"held_date": AS_OF}, 1, id="last day counts"),
        pytest.param({}, {"held_date": AS_OF + timedelta(days=1)}, 0, id="after as_of"),
        pytest.param({}, {"held_date": None}, 0, id="no date"),
        pytest.param({"outcome": "held"}, {}, 1, id="equal"),
        pytest.param({"outcome": "held"}, {"outcome": "no_show"}, 0, id="not equal"),
        pytest.param({"outcome": "held"}, {"outcome": None}, 0, id="missing is not equal"),
        pytest.param({"outcome": ["held", "no_show"]}, {"outcome": "no_show"}, 1, id="one of"),
        pytest.param({"outcome": ["held", "no_show"]}, {"outcome": "booked"}, 0, id="none of"),
        pytest.param({"outcome": {"not": "held"}}, {}, 0, id="not, same"),
        pytest.param({"outcome": {"not": "held"}}, {"outcome": None}, 1, id="not, missing"),
        pytest.param({"outcome": {"not": ["held"]}}, {"outcome": None}, 1, id="not a list, missing"),
        pytest.param({"outcome": {"not": ["held"]}}, {}, 0, id="not a list, same"),
        pytest.param({"minutes": {"at_least": 15}}, {"minutes": 15}, 1, id="at least, equal"),
        pytest.param({"minutes": {"at_least": 15}}, {"minutes": 14}, 0, id="at least, below"),
        pytest.param({"minutes": {"at_least": 15}}, {"minutes": None}, 0, id="at least, missing"),
        pytest.param({"minutes": {"at_least": 15, "at_most": 30}}, {"minutes": 31}, 0, id="between, above"),
        pytest.param({"deal_id": {"is_missing": True}}, {"deal_id": None}, 1, id="is missing"),
        pytest.param({"deal_id": {"is_missing": False}}, {"deal_id": None}, 0, id="is not missing"),
        pytest.param({"outcome": "held", "minutes": 30}, {"minutes": 20}, 0, id="all must hold"),
    ],
)
def test_where_means_what_kpis_yaml_says(
    warehouse: sa.Connection, where: Mapping[str, Any], changes: dict[str, Any], expected: int
) -> None:
    assert total(warehouse, where, a_meeting(**changes)) == expected


def test_a_column_that_is_not_there_is_refused(warehouse: sa.Connection) -> None:
    with pytest.raises(UnknownColumnError, match="no column 'mood'"):
        total(warehouse, {"mood": "good"}, a_meeting())


def test_days_to_the_win_are_counted_from_the_meeting(warehouse: sa.Connection) -> None:
    load(
        warehouse,
        {
            "meetings": [a_meeting(meeting_id=f"m{n}", deal_id=f"d{n}", held_date=date(2026, 9, 8)) for n in range(2)],
            "deals": [
                a_deal(deal_id="d0", status="won", close_date=date(2026, 9, 18)),
                a_deal(deal_id="d1", status="lost", close_date=date(2026, 9, 28)),
            ],
        },
    )
    days = {"event": "meetings", "sum": "days_to_won", "date": "held_date", "credit": "rep_id"}

    (row,) = count(warehouse, agreed(a_kpi(kind="sum", numerator=days)))

    assert row["numerator"] == 10


@pytest.mark.parametrize(
    ("as_of", "won"), [pytest.param(AS_OF, 1, id="on the day"), pytest.param(AS_OF - timedelta(days=1), 0, id="before")]
)
@pytest.mark.parametrize("kpi_id", ["meeting_to_won", "win_rate_by_cohort"])
def test_a_past_day_does_not_know_what_was_won_after_it(
    warehouse: sa.Connection, kpi_id: str, as_of: date, won: int
) -> None:
    meeting = a_meeting(deal_id="hs:1", held_date=date(2026, 8, 3))
    verdict = row_of(tables.meeting_verdicts, meeting_id=meeting["meeting_id"], verdict="valid", definition_version=1)
    deal = a_deal(created_date=date(2026, 8, 3), close_date=AS_OF)
    load(warehouse, {"meetings": [meeting], "meeting_verdicts": [verdict], "deals": [deal]})

    write_model(warehouse, kpi_daily.MODEL, a_context(agreement=DEFAULT, as_of=as_of))

    daily = tables.kpi_daily.c
    asked = sa.select(daily.numerator, daily.denominator).where(daily.kpi_id == kpi_id)
    assert warehouse.execute(asked).one() == (won, 1)


@pytest.mark.parametrize("kpi_id", ["meeting_to_won", "win_rate_by_cohort"])
def test_a_past_night_that_is_added_does_not_know_what_was_won_after_it(warehouse: sa.Connection, kpi_id: str) -> None:
    past = AS_OF - timedelta(days=1)
    deal = a_deal(created_date=date(2026, 8, 3), close_date=AS_OF)
    meeting = a_meeting(deal_id="hs:1", held_date=date(2026, 8, 3))
    verdict = row_of(tables.meeting_verdicts, meeting_id=meeting["meeting_id"], verdict="valid", definition_version=1)
    load(warehouse, {"meetings": [meeting], "meeting_verdicts": [verdict], "deals": [deal]})
    tonight, then = (a_context(agreement=DEFAULT, as_of=day) for day in (AS_OF, past))

    for model in (calendar.MODEL, kpi_daily.MODEL):
        write_model(warehouse, model, tonight)
    write_model(warehouse, snapshots.PAST, then)

    kept = tables.snapshots.c
    asked = sa.select(kept.numerator, kept.denominator, kept.value).where(
        kept.kpi_id == kpi_id, kept.scope_kind == "rep"
    )
    assert {tuple(row) for row in warehouse.execute(asked)} == {(0, 1, 0)}
    counted = sa.select(tables.kpi_daily.c.numerator).where(tables.kpi_daily.c.kpi_id == kpi_id)
    assert warehouse.execute(counted).scalar_one() == 1  # tonight knows


def test_a_won_deal_without_an_amount_does_not_lower_the_average(warehouse: sa.Connection) -> None:
    load(warehouse, {"deals": [a_deal(), a_deal(deal_id="hs:2", amount=None, agreed_amount=None)]})

    found = {row["kpi_id"]: (row["numerator"], row["denominator"]) for row in count(warehouse, DEFAULT)}

    assert found["average_deal"] == (1_000_000, 1)
    assert found["deals_won"] == (2, None)


def test_an_agreement_without_kpis_counts_nothing(warehouse: sa.Connection) -> None:
    load(warehouse, {"meetings": [a_meeting()]})

    assert count(warehouse, agreed()) == []
