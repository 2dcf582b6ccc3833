"""A number of a period is what its days add up to, beside its target; phase tables and snapshots say the same."""

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions_contract.periods import period_of
from definitions_contract.schema import Kpi, PeriodKind
from models import tables
from models.context import BuildContext, Model
from models.kpi import kpi_periods, phase_tables, snapshots
from models.kpi.kpi_daily import SEGMENTS
from pipelines.warehouse import write_model
from tests.models.factories import AS_OF, a_context, insert, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, agreed
from tests.models.kpi.conftest import calendar_rows

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
DAY = timedelta(days=1)
MEASURE = {"event": "deals", "where": {"status": "won"}, "date": "close_date", "credit": "rep_id"}
KPIS = (
    a_kpi(id="deals_won", phase="mature", unit="deals", numerator=MEASURE, guard="win_rate_by_close_date"),
    a_kpi(id="average_deal", phase="mature", kind="mean", unit="money", numerator=MEASURE, denominator=MEASURE),
    a_kpi(
        id="sales_cycle_days",
        phase="mature",
        kind="mean",
        unit="days",
        better="lower",
        numerator=MEASURE,
        denominator=MEASURE,
    ),
    a_kpi(
        id="pipeline_velocity",
        phase="mature",
        kind="product",
        unit="money_per_day",
        numerator=None,
        multiply=("deals_won", "average_deal"),
        divide_by="sales_cycle_days",
    ),
)
DEFINITIONS = (a_definition(), a_definition(version=2, effective_from=date(2026, 6, 1)))


# business days gone before each day
GONE = dict(
    zip(
        [row["day"] for row in calendar_rows()],
        accumulate((row["business_day"] for row in calendar_rows()), initial=0),
        strict=False,
    )
)


def context(as_of: date = AS_OF, kpis: tuple[Kpi, ...] = KPIS) -> BuildContext:
    return a_context(agreement=agreed(*kpis, definitions=DEFINITIONS), as_of=as_of)


def a_fact(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "kpi_id": "deals_won",
        "counted_date": date(2026, 9, 1),
        "rep_id": "hs:r1",
        "team": "is_east",
        "department": "inside_sales",
        **dict.fromkeys(SEGMENTS, "web"),
        "numerator": 1,
    }
    return row_of(tables.kpi_daily, **(values | changes))


def a_target(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "kpi_id": "deals_won",
        "period_kind": "month",
        "period_start": date(2026, 9, 1),
        "period_end": date(2026, 10, 1),
        "scope_kind": "team",
        "scope_id": "is_east",
        "value": 10.0,
    }
    return row_of(tables.targets, **(values | changes))


def find(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """Give the one row; of September for the East team unless told otherwise."""
    keys = {
        "kpi_id": "deals_won",
        "period_kind": "month",
        "period_start": date(2026, 9, 1),
        "scope_kind": "team",
        "scope_id": "is_east",
    } | wanted
    (row,) = [row for row in rows if all(row[name] == value for name, value in keys.items())]
    return row


# --- sums, against plain Python ----------------------------------------------------------------------------------------

FACTS = st.lists(
    st.fixed_dictionaries(
        {
            "kpi_id": st.sampled_from([kpi.id for kpi in KPIS if kpi.kind != "product"]),
            "counted_date": st.dates(AS_OF - timedelta(days=600), AS_OF),
            "rep_id": st.sampled_from(["hs:r1", "hs:r2", "unknown"]),
            "team": st.sampled_from(["is_east", "is_west"]),
            "lead_source": st.sampled_from(["web", "list"]),
            "definition_version": st.sampled_from([None, 1, 2]),
            "numerator": st.integers(0, 9),
            "denominator": st.integers(0, 3),
        }
    ),
    max_size=12,
)


def with_sides(fact: dict[str, Any]) -> dict[str, Any]:
    return a_fact(**fact | ({"denominator": None} if fact["kpi_id"] == "deals_won" else {}))


def plainly_added(facts: list[dict[str, Any]], as_of: date) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Give (numerator, denominator, actual, previous, versions) by KPI, period and scope, for the KPIs that are no product."""
    keys = {
        (fact["kpi_id"], kind.value, *period_of(fact["counted_date"], kind, 4), scope, fact[column])
        for fact in facts
        for kind in PeriodKind
        for scope, column in (("department", "department"), ("team", "team"), ("rep", "rep_id"))
    }
    return {key: plain_row(facts, key, as_of) for key in keys if is_shown(key[1], key[2], as_of)}


def is_shown(kind: str, start: date, as_of: date) -> bool:
    if kind == "week":
        return start >= as_of - timedelta(weeks=26)
    if kind == "quarter":
        return start >= date(as_of.year - 2, as_of.month, 1)
    return kind == "fiscal_year" or start >= date(as_of.year - 1, as_of.month, 1) - timedelta(days=31)


def plain_row(facts: list[dict[str, Any]], key: tuple[Any, ...], as_of: date) -> tuple[Any, ...]:
    kpi_id, kind, start, end, scope, scope_id = key
    column = "rep_id" if scope == "rep" else scope

    def inside(first: date, after: date) -> list[dict[str, Any]]:
        return [
            fact
            for fact in facts
            if fact["kpi_id"] == kpi_id and fact[column] == scope_id and first <= fact["counted_date"] < after
        ]

    before, _ = period_of(start - DAY, PeriodKind(kind), 4)
    now = inside(start, end)
    versions = ",".join(str(v) for v in sorted({f["definition_version"] for f in now if f["definition_version"]}))
    previous = None
    if before in GONE:
        gone = share(start, as_of, end)
        previous = value(kpi_id, [f for f in inside(before, start) if share(before, f["counted_date"], start) <= gone])
    return *sums(kpi_id, now), value(kpi_id, now), previous, versions or None


def share(start: date, day: date, end: date) -> Fraction:
    """Share of a period's business days that are gone at the end of a day."""
    total = GONE[end] - GONE[start]
    return Fraction(GONE[min(day + DAY, end)] - GONE[start], total) if total else Fraction(0)


def sums(kpi_id: str, facts: list[dict[str, Any]]) -> tuple[float, float | None]:
    numerator = float(sum(fact["numerator"] for fact in facts))
    return numerator, None if kpi_id == "deals_won" else float(sum(fact["denominator"] for fact in facts))


def value(kpi_id: str, facts: list[dict[str, Any]]) -> float | None:
    numerator, denominator = sums(kpi_id, facts)
    if denominator is None:
        return numerator
    return numerator / denominator if denominator else None


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=FACTS, as_of=st.dates(AS_OF, AS_OF + timedelta(days=45)))
def test_a_period_is_the_sum_of_its_days_and_is_divided_once(
    with_calendar: sa.Connection, drawn: list[dict[str, Any]], as_of: date
) -> None:
    facts = [with_sides(fact) for fact in drawn]
    with_calendar.execute(sa.delete(tables.kpi_daily))
    insert(with_calendar, tables.kpi_daily, *facts)

    write_model(with_calendar, kpi_periods.MODEL, context(as_of))

    rows = [dict(row) for row in with_calendar.execute(sa.select(tables.kpi_periods)).mappings()]
    names = ("kpi_id", "period_kind", "period_start", "period_end", "scope_kind", "scope_id")
    measures = ("numerator", "denominator", "actual", "previous", "definition_versions")
    expected = plainly_added(facts, as_of)
    assert {
        tuple(row[name] for name in names): tuple(row[name] for name in measures)
        for row in rows
        if row["kpi_id"] != "pipeline_velocity"
    } == {key: pytest.approx(found) for key, found in expected.items()}
    for row in rows:
        if row["kpi_id"] == "pipeline_velocity":
            key = tuple(row[name] for name in names[1:])
            won, average, cycle = (expected.get((kpi.id, *key), (None,) * 5) for kpi in KPIS[:3])
            missing = average[2] is None or not cycle[2]
            assert row["actual"] == (None if missing else pytest.approx((won[2] or 0) * average[2] / cycle[2]))


# 1 September 2026 is a Tuesday; August has 20 business days (the 11th is a holiday), September 19
@pytest.mark.parametrize(
    ("as_of", "day", "previous"),
    [
        pytest.param(date(2026, 9, 30), date(2026, 8, 31), 1, id="closed: the whole period before"),
        pytest.param(date(2026, 9, 30), date(2026, 7, 31), 0, id="closed: not the one before that"),
        pytest.param(date(2026, 9, 1), date(2026, 8, 2), 1, id="a weekend before the first business day"),
        pytest.param(date(2026, 9, 1), date(2026, 8, 3), 1, id="1 of 20 is no more than 1 of 19"),
        pytest.param(date(2026, 9, 1), date(2026, 8, 4), 0, id="2 of 20 is more than 1 of 19"),
    ],
)
def test_the_period_before_counts_up_to_the_same_share_of_business_days(
    with_calendar: sa.Connection, build: Build, as_of: date, day: date, previous: int
) -> None:
    insert(with_calendar, tables.targets, a_target())
    insert(with_calendar, tables.kpi_daily, a_fact(counted_date=day), a_fact(counted_date=date(2026, 9, 1)))

    assert find(build(kpi_periods.MODEL, context(as_of)))["previous"] == previous


# --- targets, pace, status ---------------------------------------------------------------------------------------------


def test_a_ratio_is_never_averaged(with_calendar: sa.Connection, build: Build) -> None:
    facts = [(1, 1, "hs:r1"), (0, 9, "hs:r2")]
    insert(
        with_calendar,
        tables.kpi_daily,
        *(a_fact(kpi_id="average_deal", numerator=n, denominator=d, rep_id=rep) for n, d, rep in facts),
    )

    rows = build(kpi_periods.MODEL, context())

    assert find(rows, kpi_id="average_deal")["actual"] == pytest.approx(0.1)


def test_without_a_denominator_there_is_no_rate(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.kpi_daily, a_fact(kpi_id="average_deal", numerator=0, denominator=0))
    insert(with_calendar, tables.targets, a_target(kpi_id="average_deal"))

    row = find(build(kpi_periods.MODEL, context()), kpi_id="average_deal")

    assert (row["actual"], row["attainment"], row["status"]) == (None, None, "too_little_data")


def test_a_target_without_activity_has_its_row(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.targets, a_target())

    row = find(build(kpi_periods.MODEL, context()))

    assert (row["actual"], row["target"], row["attainment"], row["status"]) == (0, 10, 0, "off")


def test_a_period_to_come_has_no_row(with_calendar: sa.Connection, build: Build) -> None:
    to_come = {"period_start": date(2026, 10, 1), "period_end": date(2026, 11, 1)}
    insert(with_calendar, tables.targets, a_target(**to_come))

    assert build(kpi_periods.MODEL, context()) == []


def test_activity_without_a_target_says_so(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.kpi_daily, a_fact())

    row = find(build(kpi_periods.MODEL, context()))

    assert (row["target"], row["expected_to_date"], row["status"]) == (None, None, "no_target")


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        pytest.param(date(2026, 9, 1), 2.5, id="first day"),
        pytest.param(date(2026, 9, 15), 5.0, id="after two of four weighted days"),
        pytest.param(date(2026, 9, 30), 10.0, id="closed: the target"),
    ],
)
def test_expected_to_date_is_the_share_of_the_weights(
    with_calendar: sa.Connection, build: Build, as_of: date, expected: float
) -> None:
    insert(with_calendar, tables.targets, a_target())
    for kpi_id, day in [("deals_won", 1), ("deals_won", 10), ("deals_won", 20), ("deals_won", 29), ("other", 2)]:
        weight = row_of(tables.pace_weights, kpi_id=kpi_id, day=date(2026, 9, day), weight=0.5, as_of=as_of)
        insert(with_calendar, tables.pace_weights, weight)

    assert find(build(kpi_periods.MODEL, context(as_of)))["expected_to_date"] == pytest.approx(expected)


def test_a_rate_is_due_whole_from_the_first_day(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.targets, a_target(kpi_id="average_deal", value=3.0))

    row = find(build(kpi_periods.MODEL, context(date(2026, 9, 2))), kpi_id="average_deal")

    assert row["expected_to_date"] == 3.0


@pytest.mark.parametrize(
    ("kpi_id", "actual", "status"),
    [
        pytest.param("deals_won", 11, "ahead", id="a tenth above"),
        pytest.param("deals_won", 10, "on_track", id="met"),
        pytest.param("deals_won", 9, "off", id="missed"),
        pytest.param("sales_cycle_days", 9, "ahead", id="lower is better, a tenth below"),
        pytest.param("sales_cycle_days", 10, "on_track", id="lower is better, met"),
        pytest.param("sales_cycle_days", 11, "off", id="lower is better, missed"),
    ],
)
def test_a_closed_period_is_judged_by_its_attainment(
    with_calendar: sa.Connection, build: Build, kpi_id: str, actual: int, status: str
) -> None:
    august = {"period_start": date(2026, 8, 1), "period_end": date(2026, 9, 1)}
    denominator = None if kpi_id == "deals_won" else 1
    fact = a_fact(kpi_id=kpi_id, numerator=actual, denominator=denominator, counted_date=date(2026, 8, 3))
    insert(with_calendar, tables.targets, a_target(kpi_id=kpi_id, **august))
    insert(with_calendar, tables.kpi_daily, fact)

    row = find(build(kpi_periods.MODEL, context()), kpi_id=kpi_id, period_start=date(2026, 8, 1))

    assert row["status"] == status
    assert row["attainment"] == pytest.approx(actual / 10)


def test_the_evaluation_of_tonight_decides_the_status_and_an_older_one_does_not(
    with_calendar: sa.Connection, build: Build
) -> None:
    insert(with_calendar, tables.targets, a_target(), a_target(scope_id="is_west"))
    for scope_id, night in (("is_east", AS_OF), ("is_west", AS_OF - DAY)):
        keys = {name: a_target()[name] for name in ("kpi_id", "period_kind", "period_start", "scope_kind")}
        evaluated = row_of(tables.divergence, **keys, scope_id=scope_id, evaluated_date=night, state="untrusted")
        insert(with_calendar, tables.divergence, evaluated)

    rows = build(kpi_periods.MODEL, context())

    assert find(rows)["status"] == "untrusted"
    assert find(rows, scope_id="is_west")["status"] == "off"


def test_phase_and_guard_come_from_the_agreement(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.kpi_daily, a_fact())

    row = find(build(kpi_periods.MODEL, context()))

    assert (row["phase"], row["guard_kpi_id"], row["as_of"]) == ("mature", "win_rate_by_close_date", AS_OF)


# --- phase tables and snapshots ----------------------------------------------------------------------------------------


def test_phase_tables_say_what_kpi_periods_says(with_calendar: sa.Connection, build: Build) -> None:
    insert(
        with_calendar,
        tables.kpi_daily,
        a_fact(numerator=3),
        a_fact(kpi_id="average_deal", numerator=300, denominator=3),
        a_fact(kpi_id="sales_cycle_days", numerator=30, denominator=3),
        a_fact(counted_date=date(2026, 8, 3), rep_id="hs:r2", team="is_west"),
    )
    insert(with_calendar, tables.targets, a_target())
    long = build(kpi_periods.MODEL, context())

    wide = {model.table.name: build(model, context()) for model in phase_tables.MODELS}

    assert wide["launch_phase"] == wide["stable_phase"] == []
    unfolded = {
        (kpi_id, *(row[name] for name in phase_tables.KEYS)): tuple(
            row[f"{kpi_id}_{measure}"] for measure in phase_tables.MEASURES
        )
        for row in wide["mature_phase"]
        for kpi_id in tables.PHASE_KPIS["mature"]
        if row[f"{kpi_id}_status"] is not None
    }
    assert unfolded == {
        (row["kpi_id"], *(row[name] for name in phase_tables.KEYS)): tuple(
            row[measure] for measure in phase_tables.MEASURES
        )
        for row in long
    }
    assert find(long, kpi_id="pipeline_velocity")["actual"] == pytest.approx(3 * 100 / 10)


def test_a_snapshot_never_changes(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.kpi_daily, a_fact(numerator=3))
    build(kpi_periods.MODEL, context())
    first_night = build(snapshots.MODEL, context())

    with_calendar.execute(sa.update(tables.kpi_daily).values(numerator=5))
    build(kpi_periods.MODEL, context())
    assert build(snapshots.MODEL, context()) == first_night
    build(kpi_periods.MODEL, context(AS_OF + DAY))
    both_nights = build(snapshots.MODEL, context(AS_OF + DAY))

    assert [row for row in both_nights if row["known_date"] == AS_OF] == first_night
    won = [row for row in both_nights if row["kpi_id"] == "deals_won" and row["period_start"] == date(2026, 9, 1)]
    assert {(row["known_date"], row["value"]) for row in won} == {(AS_OF, 3), (AS_OF + DAY, 5)}


def test_a_kept_night_is_whole_and_no_night_is_kept_afterwards(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.kpi_daily, a_fact())
    build(kpi_periods.MODEL, context())
    kept = build(snapshots.MODEL, context())
    insert(with_calendar, tables.kpi_daily, a_fact(rep_id="hs:late"))

    for as_of in (AS_OF, AS_OF - DAY):  # the same night again, and one that nobody ran then
        build(kpi_periods.MODEL, context(as_of))
        assert build(snapshots.MODEL, context(as_of)) == kept


PAST_NIGHT = AS_OF - DAY


def test_a_missed_night_is_added_as_it_would_have_been_kept_and_says_so(
    with_calendar: sa.Connection, build: Build
) -> None:
    insert(with_calendar, tables.targets, a_target())
    insert(with_calendar, tables.kpi_daily, a_fact(numerator=3), a_fact(counted_date=PAST_NIGHT, numerator=5))
    build(kpi_periods.MODEL, context(PAST_NIGHT))
    would_have_kept = build(snapshots.MODEL, context(PAST_NIGHT))
    with_calendar.execute(sa.delete(tables.snapshots))
    insert(with_calendar, tables.kpi_daily, a_fact(counted_date=AS_OF, numerator=70))  # of a day that had not come
    build(kpi_periods.MODEL, context())
    tonight = build(snapshots.MODEL, context())

    both = build(snapshots.PAST, context(PAST_NIGHT))

    assert len(would_have_kept) > 5
    assert {row["is_backfilled"] for row in would_have_kept} == {False}
    added = [row | {"is_backfilled": False} for row in both if row["is_backfilled"]]
    assert sorted(added, key=str) == sorted(would_have_kept, key=str)
    assert [row for row in both if not row["is_backfilled"]] == tonight


def test_what_a_night_kept_stands_and_a_kpi_that_it_did_not_know_is_added(
    with_calendar: sa.Connection, build: Build
) -> None:
    insert(with_calendar, tables.kpi_daily, a_fact(numerator=3))
    build(kpi_periods.MODEL, context(PAST_NIGHT))
    kept = build(snapshots.MODEL, context(PAST_NIGHT))
    with_calendar.execute(sa.update(tables.kpi_daily).values(numerator=4))
    insert(with_calendar, tables.kpi_daily, a_fact(kpi_id="average_deal", numerator=300, denominator=3))

    after = build(snapshots.PAST, context(PAST_NIGHT))

    assert [row for row in after if not row["is_backfilled"]] == kept
    assert {row["kpi_id"] for row in after if row["is_backfilled"]} == {"average_deal"}
