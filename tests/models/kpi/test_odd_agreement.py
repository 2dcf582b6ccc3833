"""An agreement unlike the demo's, from typed records to numbers beside targets, against plain Python.

New York with its summer time, a fiscal year from February, dollars with deals in yen, people who move between teams and departments
within a week, weekly targets for each rep. Nothing of the models is used on the plain side.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import holidays
import pytest
import sqlalchemy as sa

from definitions_contract.schema import ExchangeRate, Membership, Target, TargetAgreement
from definitions_contract.signing import with_signatures
from models import tables
from models.build import CORE
from models.kpi import kpi_daily, kpi_periods, pace_weights, targets
from pipelines.warehouse import write_model
from tests.models.factories import BOTH, a_context, a_raw, a_raw_user, a_team, insert
from tests.models.kpi.agreements import a_kpi, agreed

NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
AS_OF = date(2027, 1, 28)  # Thursday of the fiscal year's last full week; its last day is a Sunday
YEAR_BEGINS = date(2026, 2, 1)
EDGES = (  # the hour that summer time skips, the one that comes twice, midnights of years and quarters
    "2026-03-08T01:59-05:00", "2026-03-08T03:00-04:00", "2026-03-08T00:00-05:00", "2026-03-07T23:59-05:00",
    "2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-11-01T23:59-05:00", "2026-11-01T00:00-04:00",
    "2026-10-31T23:59-04:00", "2026-01-31T23:59-05:00", "2026-02-01T00:00-05:00", "2027-01-28T23:59-05:00",
    "2027-01-29T00:00-05:00", "2026-07-31T23:59-04:00", "2026-08-01T00:00-04:00",
)  # fmt: skip
# (team, first day); the last one goes on. `b` comes from field sales, `c` changes teams on a Wednesday, `d` leaves for good
WHERE = {
    "a": [("is_east", date.min)],
    "b": [("fs", date.min), ("is_west", date(2026, 9, 16))],
    "c": [("is_east", date.min), ("is_west", date(2027, 1, 27))],
    "d": [("is_east", date.min), (None, date(2026, 11, 12))],
}
DEPARTMENTS = {"is_east": "inside_sales", "is_west": "inside_sales", "fs": "field_sales"}
RATES = ((date(2026, 2, 1), Decimal("0.0066")), (date(2026, 11, 1), Decimal("0.00671")))
CALLS = {"event": "calls", "where": {"direction": "outbound"}, "date": "called_date", "credit": "rep_id"}
CONNECTS = CALLS | {"where": {"direction": "outbound", "disposition": "connected"}}
WON = {"event": "deals", "where": {"status": "won"}, "date": "close_date", "credit": "owner_rep_id"}
KPIS = (
    a_kpi(id="calls_made", unit="calls", numerator=CALLS),
    a_kpi(id="connect_rate", kind="rate", unit="fraction", numerator=CONNECTS, denominator=CALLS),
    a_kpi(id="won_amount", kind="sum", unit="money", numerator=WON | {"sum": "agreed_amount"}),
    a_kpi(id="average_deal", kind="mean", unit="money", numerator=WON | {"sum": "agreed_amount"}, denominator=WON),
)


@dataclass(frozen=True)
class Counted:
    """What a record adds, by plain reading: to which KPI, on which day, for whom."""

    kpi_id: str
    day: date
    rep: str
    above: Decimal
    below: int | None


@dataclass(frozen=True)
class Records:
    """Calls (moment, rep, connected) and won deals (close day, rep, currency, amount)."""

    calls: list[tuple[datetime, str, bool]]
    deals: list[tuple[date, str, str, Decimal]]


def some_records() -> Records:
    chance = random.Random(7)  # noqa: S311 - no secret
    first = datetime(2026, 1, 5, tzinfo=UTC)
    moments = [first + timedelta(minutes=chance.randrange(389 * 24 * 60)) for _ in range(350)]
    moments += [datetime.fromisoformat(text).astimezone(UTC) for text in EDGES]
    closings = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 10, 31), date(2026, 11, 1), AS_OF]
    days = [chance.choice(closings) for _ in range(20)]
    return Records(
        calls=[(moment, chance.choice("abcd"), chance.random() < 0.3) for moment in moments],
        deals=[
            (day, chance.choice("abcd"), chance.choice(["USD", "JPY", "EUR"]), Decimal(chance.randrange(10**9)) / 100)
            for day in days
        ],
    )


# --- plainly -----------------------------------------------------------------------------------------------------------


def plainly_counted(records: Records) -> Iterator[Counted]:
    for moment, rep, connected in records.calls:
        day = moment.astimezone(NEW_YORK).date()
        yield Counted("calls_made", day, rep, Decimal(1), None)
        yield Counted("connect_rate", day, rep, Decimal(int(connected)), 1)
    for day, rep, currency, amount in records.deals:
        money = dollars(currency, amount, day)
        yield Counted("won_amount", day, rep, money, None)
        yield Counted("average_deal", day, rep, money, 1)


def dollars(currency: str, amount: Decimal, day: date) -> Decimal:
    known = [rate for since, rate in RATES if since <= day]
    if currency == "USD":
        return amount
    if currency == "EUR" or not known:  # no rate: it adds nothing
        return Decimal(0)
    return (amount * known[-1]).quantize(Decimal("0.01"), ROUND_HALF_UP)


def team_on(rep: str, day: date) -> str | None:
    return [team for team, since in WHERE[rep] if since <= day][-1]


def scopes_of(rep: str, day: date) -> list[tuple[str, str]]:
    team = team_on(rep, day)
    department = "unknown" if team is None else DEPARTMENTS[team]
    return [("rep", f"hs:{rep}"), ("team", team or "unknown"), ("department", department)]


def start_of(kind: str, day: date) -> date:
    if kind == "week":
        return day - day.weekday() * DAY
    if kind == "month":
        return day.replace(day=1)
    first = date(day.year if day.month >= 2 else day.year - 1, 2, 1)  # of the fiscal year
    if kind == "fiscal_year":
        return first
    quarters = (first, first.replace(month=5), first.replace(month=8), first.replace(month=11))
    return [start for start in quarters if start <= day][-1]


def is_shown(kind: str, start: date) -> bool:
    first = {"week": AS_OF - timedelta(weeks=26), "quarter": date(2025, 1, 1), "fiscal_year": date.min}
    return start >= first.get(kind, date(2025, 12, 1))


def plain_numbers(records: Records) -> dict[tuple[str, str, date, str, str], tuple[Decimal, int | None]]:
    above: dict[tuple[str, str, date, str, str], Decimal] = defaultdict(Decimal)
    below: dict[tuple[str, str, date, str, str], int | None] = {}
    for one in plainly_counted(records):
        for kind in ("week", "month", "quarter", "fiscal_year"):
            start = start_of(kind, one.day)
            for scope in scopes_of(one.rep, one.day) if one.day <= AS_OF and is_shown(kind, start) else ():
                key = (one.kpi_id, kind, start, *scope)
                above[key] += one.above
                below[key] = None if one.below is None else (below.get(key) or 0) + one.below
    return {key: (total, below[key]) for key, total in above.items()}


def business_days(start: date, end: date) -> list[date]:
    closed = holidays.country_holidays("US", years=[2025, 2026, 2027])
    days = [start + n * DAY for n in range((end - start).days)]
    return [day for day in days if day.weekday() < 5 and day not in closed]


def plain_rep_target(rep: str, week: date) -> float | None:
    """East asks each for 20 calls a week, West for 30; a day counts where the rep is."""
    days = business_days(week, week + 7 * DAY)
    asked = {"is_east": 20.0, "is_west": 30.0}
    wanted = [asked[team] for day in days if (team := team_on(rep, day)) in asked]
    return sum(wanted) / len(days) if wanted else None


# --- in the warehouse --------------------------------------------------------------------------------------------------


@pytest.fixture
def records() -> Records:
    return some_records()


@pytest.fixture
def built(warehouse: sa.Connection, records: Records) -> sa.Connection:
    users = [a_raw_user(rep, crm_team=None, created_at=datetime(2019, 1, 1, tzinfo=UTC)) for rep in WHERE]
    insert(warehouse, tables.raw_users, *users)
    called = [
        a_raw(tables.raw_calls, f"{n}", owner_crm_id=rep, direction="outbound", called_at=moment,
              disposition="connected" if connected else "busy")
        for n, (moment, rep, connected) in enumerate(records.calls)
    ]  # fmt: skip
    closed = [
        a_raw(tables.raw_deals, f"{n}", owner_crm_id=rep, stage="won", currency=currency, amount=amount, close_date=day,
              created_at=datetime.combine(day, time(12), UTC) - 30 * DAY)
        for n, (day, rep, currency, amount) in enumerate(records.deals)
    ]  # fmt: skip
    insert(warehouse, tables.raw_calls, *called)
    insert(warehouse, tables.raw_deals, *closed)
    insert(warehouse, tables.raw_stages, a_raw(tables.raw_stages, "won", label="Won", status="won"))
    asked = a_context(agreement=an_odd_agreement(), as_of=AS_OF)
    for model in (*CORE, kpi_daily.MODEL, targets.MODEL, pace_weights.MODEL, kpi_periods.MODEL):
        write_model(warehouse, model, asked)
    return warehouse


def an_odd_agreement() -> object:
    spans = {rep: [*(since for _, since in moves[1:]), None] for rep, moves in WHERE.items()}
    members = [
        Membership(team=team, email=f"{rep}@demo-company.example", since=None if since == date.min else since, until=until)
        for rep, moves in WHERE.items()
        for (team, since), until in zip(moves, spans[rep], strict=True)
        if team is not None
    ]  # fmt: skip
    team = a_team(
        zone="America/New_York",
        country="US",
        fiscal_year_start_month=2,
        currency="USD",
        exchange_rates=tuple(ExchangeRate(currency="JPY", rate=rate, since=since) for since, rate in RATES),
        members=tuple(members),
    )
    rows = [
        Target(kpi="calls_made", scope_kind="team", scope_id=scope, every="week", since=YEAR_BEGINS, value=99, each_rep=each)
        for scope, each in (("is_east", 20), ("is_west", 30))
    ]  # fmt: skip
    year = Target(kpi="calls_made", scope_kind="department", scope_id="inside_sales", every="fiscal_year",
                  since=YEAR_BEGINS, value=1000)  # fmt: skip
    text = TargetAgreement(agreed_between=BOTH, targets=(*rows, year))
    signed = with_signatures(text, dict.fromkeys(BOTH, "Somebody"), date(2026, 1, 15))
    return agreed(*KPIS, team=team, targets=signed)


def test_numbers_targets_and_what_is_due_are_those_of_plain_python(built: sa.Connection, records: Records) -> None:
    found = [dict(row) for row in built.execute(sa.select(tables.kpi_periods)).mappings()]

    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    numbers = {
        tuple(row[name] for name in keys): (Decimal(str(row["numerator"])), row["denominator"])
        for row in found
        if row["numerator"] is not None
    }
    assert numbers == plain_numbers(records)
    _assert_targets(found)
    _assert_due(found)


def _assert_targets(found: list[dict[str, object]]) -> None:
    asked = {
        (row["scope_id"], row["period_start"]): row["target"]
        for row in found
        if (row["period_kind"], row["scope_kind"]) == ("week", "rep") and row["target"] is not None
    }
    weeks = sorted({row["period_start"] for row in found if row["period_kind"] == "week"})
    expected = {
        (f"hs:{rep}", week): pytest.approx(wanted)
        for rep in WHERE
        for week in weeks
        if (wanted := plain_rep_target(rep, week)) is not None
    }
    assert asked == expected
    assert asked["hs:b", date(2026, 9, 14)] == pytest.approx(30 * 3 / 5)  # on Wednesday from field sales
    assert asked["hs:c", AS_OF - 3 * DAY] == pytest.approx((20 * 2 + 30 * 3) / 5)


def _assert_due(found: list[dict[str, object]]) -> None:
    year = business_days(YEAR_BEGINS, date(2027, 2, 1))
    due = {
        (row["period_kind"], row["period_start"]): row["expected_to_date"]
        for row in found
        if row["scope_id"] in ("is_east", "inside_sales") and row["target"] is not None
    }
    gone = [day for day in year if day <= AS_OF]
    assert due["fiscal_year", YEAR_BEGINS] == pytest.approx(1000 * len(gone) / len(year), rel=0.02)  # an own rhythm
    assert due["week", date(2027, 1, 25)] == pytest.approx(99 * 4 / 5, rel=0.05)
