"""A small team with a year and a half of history, every day alike: its rates are known by construction.

Each business day: 40 calls, 10 connects, 4 meetings booked, of which 3 are held 10 days later, 2 of them valid; every fifth valid
meeting becomes a deal of a million 30 days later.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from definitions_contract.loader import load_agreement
from definitions_contract.periods import calendar_of
from definitions_contract.schema import Agreement, Target
from models import tables
from models.context import BuildContext
from pipelines.warehouse import insert_rows
from tests.models.factories import a_context, row_of

AS_OF = date(2026, 9, 30)
HISTORY_DAYS = 600
REPS = 5
AMOUNTS = (800_000, 1_000_000, 1_200_000)
KEYS = {"team": "is_east", "department": "inside_sales", "rep_id": "r0"}


def agreement(*, goal: int | None = 150_000_000, phase: str = "stable", **changes: Any) -> Agreement:
    """Give the default agreement with one yearly goal, in a phase."""
    agreed = load_agreement(Path("definitions_contract/agreement"))
    rows = [row for row in agreed.targets.targets if not row.is_goal]
    if goal is not None:
        scope = {"scope_kind": "department", "scope_id": "inside_sales"}
        year = {"every": "fiscal_year", "since": date(2025, 4, 1), "is_goal": True}
        rows.insert(0, Target.model_validate({"kpi": "won_amount", "value": Decimal(goal), **scope, **year}))
    targets = agreed.targets.model_copy(update={"targets": tuple(rows), **changes})
    current = next(row for row in agreed.phases.phases if row.id == phase).kpis[0]
    phases = agreed.phases.model_copy(update={"current_phase": phase, "current_kpi": current})
    return agreed.model_copy(update={"targets": targets, "phases": phases})


def context(agreed: Agreement | None = None, as_of: date = AS_OF) -> BuildContext:
    return a_context(agreement=agreed or agreement(), as_of=as_of)


def fill(connection: sa.Connection, *, days: int = HISTORY_DAYS) -> None:
    """Write the team's history of the days up to AS_OF."""
    business = calendar_of(agreement().team)
    start = AS_OF - timedelta(days=days - 1)
    worked = [day for n in range(days) if business.is_business_day(day := start + timedelta(days=n))]
    booked = [(f"m{n}-{k}", day, k) for n, day in enumerate(worked) for k in range(4)]
    people = [
        row_of(
            tables.reps,
            rep_id=f"r{n}",
            name=f"Rep {n}",
            team="is_east",
            department="inside_sales",
            is_active=True,
            started_date=date(2024, 4, 1),
        )
        for n in range(REPS)
    ]
    insert_rows(connection, tables.reps, people)
    insert_rows(connection, tables.meetings, [_meeting(*row) for row in booked])
    insert_rows(connection, tables.meeting_verdicts, [_verdict(*row) for row in booked])
    deals = list(_deals(booked))
    if deals:
        insert_rows(connection, tables.deals, deals)
    insert_rows(connection, tables.kpi_daily, list(_daily(worked, booked, deals)))
    periods = row_of(
        tables.kpi_periods, kpi_id="calls_made", period_kind="month", period_start=date(2026, 9, 1), as_of=AS_OF
    )
    insert_rows(connection, tables.kpi_periods, [periods | {"scope_kind": "department", "scope_id": "inside_sales"}])


def _held(day: date) -> date:
    return day + timedelta(days=10)


def _meeting(meeting_id: str, day: date, number: int) -> dict[str, Any]:
    is_held = number < 3 and _held(day) <= AS_OF
    outcome = "held" if is_held else "booked" if _held(day) > AS_OF else "no_show"
    days = {"booked_date": day, "held_date": _held(day)}
    return row_of(tables.meetings, meeting_id=meeting_id, rep_id="r0", outcome=outcome, **days)


def _verdict(meeting_id: str, day: date, number: int) -> dict[str, Any]:
    verdict = "valid" if number < 2 and _held(day) <= AS_OF else "invalid"
    return row_of(
        tables.meeting_verdicts,
        meeting_id=meeting_id,
        rep_id="r0",
        team="is_east",
        verdict=verdict,
        counted_date=_held(day),
    )


def _deals(booked: list[tuple[str, date, int]]) -> Iterator[dict[str, Any]]:
    valid = [row for row in booked if row[2] < 2]
    for n, (meeting_id, day, _) in enumerate(valid):
        won = _held(day) + timedelta(days=30)
        if n % 5 == 0 and won <= AS_OF:
            yield row_of(
                tables.deals,
                deal_id=f"d{n}",
                meeting_id=meeting_id,
                rep_id="r0",
                status="won",
                close_date=won,
                agreed_amount=Decimal(AMOUNTS[n // 5 % 3]),
            )


def _daily(
    worked: list[date], booked: list[tuple[str, date, int]], deals: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for day in worked:
        yield _fact("calls_made", day, 40)
        yield _fact("connect_rate", day, 10, 40)
        yield _fact("meetings_booked", day, 4)
    for day in sorted({_held(day) for _, day, _ in booked if _held(day) <= AS_OF}):
        yield _fact("meetings_held", day, 3)
        yield _fact("valid_meetings", day, 2)
    sums: dict[date, list[float]] = {}
    for deal in deals:
        sums.setdefault(deal["close_date"], []).append(float(deal["agreed_amount"]))
    for day, amounts in sums.items():
        yield _fact("deals_won", day, len(amounts))
        yield _fact("won_amount", day, sum(amounts))


def _fact(kpi_id: str, day: date, numerator: float, denominator: float | None = None) -> dict[str, Any]:
    values = {"numerator": numerator, "denominator": denominator, "definition_version": 1}
    names = {column.name for column in tables.kpi_daily.columns}
    known = {name: value for name, value in values.items() if name in names}
    return row_of(tables.kpi_daily, kpi_id=kpi_id, counted_date=day, **KEYS, **known)
