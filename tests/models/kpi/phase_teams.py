"""Small teams in each phase, built month by month: whole months of KPI values beside their targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from models import tables
from models.context import BuildContext
from models.kpi import phase_status
from pipelines.warehouse import Warehouse, write_model
from tests.models.factories import a_context, insert, row_of

AS_OF = date(2026, 10, 31)
TARGETS: Mapping[str, float] = {
    "calls_made": 2900,
    "email_open_rate": 0.35,
    "meetings_booked": 275,
    "valid_meetings": 125,
    "deals_won": 16,
    "win_rate_by_close_date": 0.2,
    "won_amount": 29_000_000,
}
CASES: Mapping[str, float] = {"email_open_rate": 1500, "win_rate_by_close_date": 80}


@dataclass(frozen=True, slots=True)
class Case:
    """A team in a phase: attainment of the current KPI in its last months (oldest first), and what is odd about it."""

    phase: str
    kpi: str
    attained: Sequence[float]
    following: str | None = None
    following_months: int = 12
    is_signed: bool = True
    failed_check: bool = False
    pending: int = 0
    as_of: date = AS_OF


@lru_cache(maxsize=1)
def default_agreement() -> Agreement:
    return load_agreement(Path("definitions_contract/agreement"))


def agreement_of(case: Case) -> Agreement:
    """Give the default agreement in the case's phase."""
    agreed = default_agreement()
    phases = agreed.phases.model_copy(update={"current_phase": case.phase, "current_kpi": case.kpi, "signatures": ()})
    definitions = agreed.definitions
    if not case.is_signed:
        definitions = tuple(row.model_copy(update={"signatures": ()}) for row in definitions)
    return agreed.model_copy(update={"phases": phases, "definitions": definitions})


def fill(connection: sa.Connection, case: Case) -> None:
    """Write the months, checks and waiting meetings of a case."""
    months = _months(case.as_of, max(len(case.attained), case.following_months))
    for start, end, attained in zip(*_newest(months, len(case.attained)), case.attained, strict=True):
        target = TARGETS[case.kpi]
        insert(connection, tables.kpi_periods, _period(case, case.kpi, start, end, attained * target, target))
    if case.following:
        for start, end in zip(*_newest(months, case.following_months), strict=True):
            insert(
                connection, tables.kpi_periods, _period(case, case.following, start, end, TARGETS[case.following], None)
            )
    if case.failed_check:
        check = {"check_name": "rules_agree", "as_of": case.as_of, "is_passed": False, "severity": "error"}
        insert(connection, tables.check_results, row_of(tables.check_results, **check))
    start = months[-1][0]
    waiting = [
        row_of(
            tables.meeting_verdicts,
            meeting_id=f"w{n}",
            verdict="pending",
            team="is_east",
            rep_id="r",
            counted_date=start,
        )
        for n in range(case.pending)
    ]
    insert(connection, tables.meeting_verdicts, *waiting)


def evaluated(case: Case) -> dict[str, dict[str, Any]]:
    """Give the rows of phase_status by condition."""
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    context: BuildContext = a_context(agreement=agreement_of(case), as_of=case.as_of)
    with warehouse.transaction() as connection:
        fill(connection, case)
        write_model(connection, phase_status.MODEL, context)
        rows = connection.execute(sa.select(tables.phase_status)).mappings().all()
    warehouse.engine.dispose()
    return {row["condition"]: dict(row) for row in rows}


def _months(as_of: date, count: int) -> list[tuple[date, date]]:
    """Give whole months up to as_of, oldest first."""
    after = as_of + timedelta(days=1)
    number = after.year * 12 + after.month - 1
    ends = [number - back for back in range(count)]
    firsts = [(date((n - 1) // 12, (n - 1) % 12 + 1, 1), date(n // 12, n % 12 + 1, 1)) for n in ends]
    return firsts[::-1]


def _newest(months: Sequence[tuple[date, date]], count: int) -> tuple[list[date], list[date]]:
    kept = list(months)[len(months) - count :]
    return [start for start, _ in kept], [end for _, end in kept]


def _period(case: Case, kpi: str, start: date, end: date, actual: float, target: float | None) -> dict[str, Any]:
    cases = CASES.get(kpi)
    return row_of(
        tables.kpi_periods,
        kpi_id=kpi,
        period_kind="month",
        period_start=start,
        period_end=end,
        scope_kind="department",
        scope_id="inside_sales",
        numerator=actual * (cases or 1),
        denominator=cases,
        actual=actual,
        target=target,
        as_of=case.as_of,
    )
