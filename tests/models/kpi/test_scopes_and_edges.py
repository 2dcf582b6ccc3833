"""Edges of day, fiscal year and holiday; credit; money in decimals; parts sum to wholes for every KPI and split."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import definitions_contract
from definitions_contract.loader import load_agreement
from definitions_contract.schema import ExchangeRate, Kpi, Target, TargetAgreement
from definitions_contract.signing import with_signatures
from models import tables
from models.context import BuildContext, Model
from models.core import calls, deals, exchange_rates
from models.kpi import kpi_daily, kpi_periods, pace_weights, targets
from models.kpi.kpi_daily import SEGMENTS
from pipelines.warehouse import write_model
from tests.models.factories import (
    BOTH,
    a_call,
    a_context,
    a_deal,
    a_meeting,
    a_raw,
    a_team,
    an_agreement,
    an_email,
    at,
    insert,
    row_of,
)
from tests.models.kpi.agreements import a_kpi, agreed

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
DEFAULT = load_agreement(Path(str(definitions_contract.__file__)).parent / "agreement")
AS_OF = date(2026, 5, 20)
CALLS = a_kpi(
    id="calls_made",
    unit="calls",
    phase="launch",
    numerator={"event": "calls", "where": {}, "date": "called_date", "credit": "rep_id"},
)


def context(*kpis: Kpi, **changes: Any) -> BuildContext:
    return a_context(agreement=agreed(*(kpis or (CALLS,))), as_of=AS_OF, **changes)


# --- days, fiscal years, holidays --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "day", "fiscal_year"),
    [
        pytest.param("2026-03-31T23:59+09:00", date(2026, 3, 31), date(2025, 4, 1), id="last minute of the old year"),
        pytest.param("2026-04-01T00:00+09:00", date(2026, 4, 1), date(2026, 4, 1), id="first minute of the new year"),
        pytest.param("2026-03-31T15:00+00:00", date(2026, 4, 1), date(2026, 4, 1), id="still March in London"),
        pytest.param("2026-03-31T14:59:59+00:00", date(2026, 3, 31), date(2025, 4, 1), id="a second before"),
        pytest.param("2026-05-04T23:59+09:00", date(2026, 5, 4), date(2026, 4, 1), id="a holiday counts all the same"),
    ],
)
def test_a_call_counts_on_its_day_in_the_teams_zone_and_in_that_days_fiscal_year(
    build: Build, with_calendar: sa.Connection, moment: str, day: date, fiscal_year: date
) -> None:
    insert(with_calendar, tables.raw_calls, a_raw(tables.raw_calls, "1", called_at=at(moment), direction="outbound"))

    write_model(with_calendar, calls.MODEL, context())
    (fact,) = build(kpi_daily.MODEL, context())
    years = [row for row in build(kpi_periods.MODEL, context()) if row["period_kind"] == "fiscal_year"]

    assert fact["counted_date"] == day
    assert {row["period_start"] for row in years if row["numerator"]} == {fiscal_year}


def test_nothing_is_due_on_golden_week(build: Build, with_calendar: sa.Connection) -> None:
    goal = Target(
        kpi="calls_made",
        scope_kind="department",
        scope_id="inside_sales",
        every="month",
        since=date(2026, 5, 1),
        value=180,
    )
    signed = with_signatures(
        TargetAgreement(agreed_between=BOTH, targets=(goal,)), dict.fromkeys(BOTH, "Somebody"), date(2026, 4, 1)
    )
    assert isinstance(signed, TargetAgreement)
    days = with_calendar.execute(sa.select(tables.calendar.c.day, tables.calendar.c.business_day)).all()
    insert(
        with_calendar,
        tables.pace_weights,
        *({"kpi_id": "calls_made", "day": day, "weight": float(work), "as_of": AS_OF} for day, work in days),
    )

    def due(as_of: date) -> float:
        asked = a_context(agreement=agreed(CALLS, targets=signed), as_of=as_of)
        write_model(with_calendar, targets.MODEL, asked)
        (row,) = [r for r in build(kpi_periods.MODEL, asked) if r["period_kind"] == "month" and r["target"]]
        assert isinstance(row["expected_to_date"], float)
        return row["expected_to_date"]

    # 2026: Fri 1 May is a business day, 2 and 3 a weekend, 4 to 6 holidays; 18 business days in all
    assert due(date(2026, 5, 1)) == pytest.approx(10)
    assert due(date(2026, 5, 6)) == pytest.approx(10)
    assert due(date(2026, 5, 7)) == pytest.approx(20)
    assert due(date(2026, 5, 31)) == pytest.approx(180)


def test_the_week_across_the_fiscal_years_end_is_due_by_all_its_days(
    build: Build, with_calendar: sa.Connection
) -> None:
    goal = Target(
        kpi="calls_made", scope_kind="team", scope_id="is_east", every="week", since=date(2026, 3, 2), value=100
    )
    signed = with_signatures(
        TargetAgreement(agreed_between=BOTH, targets=(goal,)), dict.fromkeys(BOTH, "Somebody"), date(2026, 3, 1)
    )
    assert isinstance(signed, TargetAgreement)
    monday = a_context(agreement=agreed(CALLS, targets=signed), as_of=date(2026, 3, 30))

    for model in (targets.MODEL, pace_weights.MODEL):
        write_model(with_calendar, model, monday)
    (row,) = [row for row in build(kpi_periods.MODEL, monday) if row["period_start"] == date(2026, 3, 30)]

    assert row["expected_to_date"] == pytest.approx(20)  # one of five days, three of which are the new year's


# --- who has a target --------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(with_calendar: sa.Connection) -> sa.Connection:
    """Three whose membership has no dates; the company knows when they came and went."""
    for rep_id, started, left in [
        ("stays", date(2024, 1, 1), None),
        ("leaves", date(2024, 1, 1), date(2026, 5, 18)),
        ("joins", date(2026, 5, 18), None),
    ]:
        team = {"team": "is_east", "department": "inside_sales"}
        insert(
            with_calendar, tables.reps, row_of(tables.reps, rep_id=rep_id, started_date=started, left_date=left, **team)
        )
        insert(
            with_calendar,
            tables.rep_teams,
            row_of(tables.rep_teams, rep_id=rep_id, valid_from=date(1900, 1, 1), valid_to=None, **team),
        )
    return with_calendar


def rep_targets(build: Build, *kpis: Kpi, **changes: Any) -> dict[tuple[date, str], float]:
    values = {
        "kpi": "calls_made",
        "scope_kind": "department",
        "scope_id": "inside_sales",
        "every": "month",
        "since": date(2026, 4, 1),
        "until": date(2026, 7, 1),
        "value": 540,
        "each_rep": 180,
    }
    text = TargetAgreement(agreed_between=BOTH, targets=(Target(**(values | changes)),))
    signed = with_signatures(text, dict.fromkeys(BOTH, "Somebody"), date(2026, 3, 1))
    assert isinstance(signed, TargetAgreement)
    rows = build(targets.MODEL, a_context(agreement=agreed(*kpis, targets=signed), as_of=AS_OF))
    return {(row["period_start"], row["scope_id"]): row["value"] for row in rows if row["scope_kind"] == "rep"}


@pytest.mark.usefixtures("staff")
def test_a_leaver_keeps_no_target_and_who_joins_has_the_share_of_the_days_there(build: Build) -> None:
    found = rep_targets(build, CALLS)

    # of May's 18 business days 8 come before the 18th, 10 from then on; who joins ramps over 60 of them, 11 to 32 in June
    ramp = [day / 60 for day in range(1, 33)]
    assert found == {
        (date(2026, 4, 1), "stays"): 180,
        (date(2026, 4, 1), "leaves"): 180,
        (date(2026, 5, 1), "stays"): 180,
        (date(2026, 5, 1), "leaves"): pytest.approx(80),
        (date(2026, 5, 1), "joins"): pytest.approx(180 * sum(ramp[:10]) / 18),
        (date(2026, 6, 1), "stays"): 180,
        (date(2026, 6, 1), "joins"): pytest.approx(180 * sum(ramp[10:]) / 22),
    }


@pytest.mark.usefixtures("staff")
def test_what_a_new_rep_is_asked_rises_with_the_ramp_until_it_is_the_whole(build: Build) -> None:
    found = rep_targets(build, CALLS, until=date(2027, 1, 1))

    asked = [value for (_, rep_id), value in sorted(found.items()) if rep_id == "joins"]
    assert asked == sorted(asked)
    assert asked[-1] == 180
    assert [value for (_, rep_id), value in found.items() if rep_id == "stays"] == [180] * len(range(4, 13))


@pytest.mark.usefixtures("staff")
def test_half_a_month_does_not_halve_the_target_of_a_rate(build: Build) -> None:
    rate = a_kpi(id="connect_rate", kind="rate", unit="fraction", denominator=a_kpi().numerator)

    found = rep_targets(build, rate, kpi="connect_rate", value="0.3", each_rep="0.3")

    assert found[date(2026, 5, 1), "joins"] == pytest.approx(0.3)


# --- credit ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "credit", "expected"),
    [
        pytest.param("meetings", "rep_id", "hs:booker", id="booked by"),
        pytest.param("meetings", "held_by_rep_id", "hs:holder", id="held by"),
        pytest.param("deals", "rep_id", "hs:booker", id="booker of the deal's first meeting"),
        pytest.param("deals", "owner_rep_id", "hs:owner", id="owner of the deal"),
    ],
)
def test_the_credit_goes_to_whom_the_definition_names(
    build: Build, with_calendar: sa.Connection, event: str, credit: str, expected: str
) -> None:
    day = {"meetings": "held_date", "deals": "close_date"}[event]
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(rep_id="hs:booker", held_by_rep_id="hs:holder", held_date=date(2026, 5, 1)),
    )
    insert(
        with_calendar, tables.deals, a_deal(rep_id="hs:booker", owner_rep_id="hs:owner", close_date=date(2026, 5, 1))
    )

    (row,) = build(kpi_daily.MODEL, context(a_kpi(numerator={"event": event, "date": day, "credit": credit})))

    assert row["rep_id"] == expected


# --- money -------------------------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(0, 10**11, places=2)
RATES = st.decimals("0.000000001", 10**4, places=9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=5), rates=st.tuples(RATES, RATES))
def test_money_is_converted_at_the_rate_of_the_close_day_and_added_exactly(
    with_calendar: sa.Connection, amounts: list[Decimal], rates: tuple[Decimal, Decimal]
) -> None:
    agreed_rates = tuple(
        ExchangeRate(currency="USD", rate=rate, since=since)
        for rate, since in zip(rates, (date(2025, 4, 1), date(2026, 4, 1)), strict=True)
    )
    for table in (tables.raw_deals, tables.raw_stages):
        with_calendar.execute(sa.delete(table))
    insert(with_calendar, tables.raw_stages, a_raw(tables.raw_stages, "won", label="Won", status="won"))
    days = (date(2026, 3, 31), date(2026, 4, 1))
    raw = [
        a_raw(
            tables.raw_deals,
            f"{n}",
            amount=amount,
            currency="USD",
            stage="won",
            close_date=days[n % 2],
            created_at=at("2026-01-05T00:00"),
        )
        for n, amount in enumerate(amounts)
    ]
    insert(with_calendar, tables.raw_deals, *raw)
    team = a_team(exchange_rates=agreed_rates)

    for model in (exchange_rates.MODEL, deals.MODEL):
        write_model(with_calendar, model, a_context(agreement=an_agreement(team=team), as_of=AS_OF))

    total = with_calendar.execute(sa.select(sa.func.sum(tables.deals.c.agreed_amount))).scalar_one()
    cent = Decimal("0.01")
    assert total == sum((amount * rates[n % 2]).quantize(cent, ROUND_HALF_UP) for n, amount in enumerate(amounts))


def test_a_deal_in_a_currency_without_a_rate_has_no_agreed_amount(build: Build, with_calendar: sa.Connection) -> None:
    insert(
        with_calendar,
        tables.raw_deals,
        a_raw(tables.raw_deals, "1", amount=Decimal(100), currency="EUR", close_date=date(2026, 4, 1)),
    )

    build(exchange_rates.MODEL, context())
    (row,) = build(deals.MODEL, context())

    assert row["agreed_amount"] is None


# --- parts and wholes --------------------------------------------------------------------------------------------------

REPS = st.sampled_from(["hs:r1", "hs:r2", "hs:gone", None])
DAYS = st.dates(AS_OF - timedelta(days=45), AS_OF)
DRAWN = {name: st.sampled_from(["a", "b", None]) for name in SEGMENTS}


@st.composite
def companies(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    def rows(factory: Any, key: str, **values: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
        drawn = draw(st.lists(st.fixed_dictionaries(DRAWN | values | {"rep_id": REPS}), max_size=7))
        return [factory(**{key: f"hs:{n}"}, **row) for n, row in enumerate(drawn)]

    return {
        "calls": rows(a_call, "call_id", called_date=DAYS, disposition=st.sampled_from(["connected", "unknown"])),
        "emails": rows(an_email, "email_id", sent_date=DAYS, is_opened=st.booleans(), is_replied=st.booleans()),
        "meetings": rows(a_meeting, "meeting_id", booked_date=DAYS, held_date=DAYS, outcome=st.sampled_from(["held", "no_show"])),
        "deals": rows(
            a_deal,
            "deal_id",
            created_date=DAYS,
            close_date=DAYS,
            status=st.sampled_from(["won", "lost", "open"]),
            agreed_amount=st.decimals(0, 10**9, places=2),
        ),
    }  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=companies())
def test_the_parts_of_every_kpi_sum_to_the_whole_by_every_split_and_over_periods(
    with_calendar: sa.Connection, rows: dict[str, list[dict[str, Any]]]
) -> None:
    asked = a_context(agreement=DEFAULT, as_of=AS_OF)
    for name in ("calls", "emails", "meetings", "deals", "meeting_verdicts", "rep_teams"):
        table = tables.metadata.tables[f"{'kpi' if name == 'meeting_verdicts' else 'core'}.{name}"]
        with_calendar.execute(sa.delete(table))
        insert(with_calendar, table, *rows.get(name, []))
    verdicts = [
        row_of(tables.meeting_verdicts, meeting_id=row["meeting_id"], verdict="valid", definition_version=1)
        for row in rows["meetings"][::2]
    ]
    insert(with_calendar, tables.meeting_verdicts, *verdicts)
    for rep, team in (("hs:r1", "is_east"), ("hs:r2", "is_west")):
        time = {"rep_id": rep, "team": team, "department": "inside_sales", "valid_from": AS_OF - timedelta(days=20)}
        insert(with_calendar, tables.rep_teams, row_of(tables.rep_teams, **time))

    write_model(with_calendar, kpi_daily.MODEL, asked)
    write_model(with_calendar, kpi_periods.MODEL, asked)

    daily = [dict(row) for row in with_calendar.execute(sa.select(tables.kpi_daily)).mappings()]
    whole = summed(daily, lambda row: row["kpi_id"])
    for split in ("rep_id", "team", "department", *SEGMENTS):
        parts = summed(daily, lambda row, split=split: (row["kpi_id"], row[split]))
        assert summed_again(parts) == whole
    periods = [dict(row) for row in with_calendar.execute(sa.select(tables.kpi_periods)).mappings()]
    additive = [row for row in periods if row["kpi_id"] in whole]
    for kind in ("week", "month", "quarter", "fiscal_year"):
        for scope in ("rep", "team", "department"):
            these = [row for row in additive if row["period_kind"] == kind and row["scope_kind"] == scope]
            assert summed(these, lambda row: row["kpi_id"]) == whole


def summed(rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], Any]) -> dict[Any, tuple[Decimal, Decimal]]:
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in rows:
        for place, side in enumerate(("numerator", "denominator")):
            sums[key(row)][place] += Decimal(str(row[side] or 0))
    return {name: (above, below) for name, (above, below) in sums.items()}


def summed_again(parts: dict[Any, tuple[Decimal, Decimal]]) -> dict[Any, tuple[Decimal, Decimal]]:
    return summed(
        [{"kpi": key[0], "numerator": a, "denominator": b} for key, (a, b) in parts.items()], lambda row: row["kpi"]
    )
