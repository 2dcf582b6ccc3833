"""Which records were counted as known on each night? One row per measure and record, one more each night it counted differently.

The first night keeps every record, later ones only what changed; so the list behind any night's number can be given again, and why the
number moved since. A night that kpi.snapshots has already is never kept a second time, whatever was corrected since.
"""

from datetime import date
from typing import Any

from sqlalchemy import CTE, Date, Select, cast, func, literal, or_, select, true, union_all

from definitions_contract.schema import Kpi, Measure
from models.context import BuildContext, Model
from models.expressions import no_rows
from models.kpi.kpi_records import counted_records, measure_id
from models.tables import (
    calls,
    deal_owner_changes,
    deals,
    emails,
    meeting_verdicts,
    meetings,
    record_history,
    rep_teams,
    snapshots,
    verdicts,
)

KEYS = ("measure_id", "record_id")
FACTS = ("counted_date", "rep_id", "team", "department", "definition_version", "amount")


def build_record_history(context: BuildContext) -> Select[Any]:
    """Give what counts tonight and did not, or did otherwise, and what no longer counts."""
    parts = history_parts(context)
    return select(union_all(*parts).subquery("changed_tonight")) if parts else no_rows(record_history)


def history_parts(context: BuildContext) -> list[Select[Any]]:
    """Give it measure by measure: millions of records at once would be gigabytes."""
    measures = {
        measure_id(kpi, measure): (kpi, measure)
        for kpi in context.agreement.kpis.kpis
        for measure in (kpi.numerator, kpi.denominator)
        if measure is not None
    }
    return [_part(name, kpi, measure, as_of=context.as_of) for name, (kpi, measure) in measures.items()]


def _part(name: str, kpi: Kpi, measure: Measure, *, as_of: date) -> Select[Any]:
    now = counted_records(kpi, measure, as_of=as_of).cte(f"counted_now_{name}")
    before = known_records(as_of, name).cte(f"counted_before_{name}")
    changed = _changed(now, before, name)
    # read, not built from: the night's snapshots are written after this table, so they are here only in a second run
    is_kept = select(literal(1)).where(snapshots.c.known_date >= as_of).exists()
    # a night that ended before its snapshots is made again: what it kept stands
    tonight = select(record_history.c.record_id).where(
        record_history.c.measure_id == name, record_history.c.known_date == as_of
    )
    return select(
        *(changed.c[name] for name in (*KEYS, *FACTS, "is_counted")), cast(as_of, Date).label("known_date")
    ).where(~is_kept, changed.c.record_id.not_in(tonight))


def known_records(night: date, measure: str | None = None) -> Select[Any]:
    """Give the newest row of each measure and record as known on a night; those with is_counted were behind its numbers."""
    is_asked = true() if measure is None else record_history.c.measure_id == measure
    place = func.row_number().over(
        partition_by=[record_history.c[name] for name in KEYS], order_by=record_history.c.known_date.desc()
    )
    until_then = select(record_history, place.label("place")).where(record_history.c.known_date <= night, is_asked)
    ranked = until_then.subquery("ranked")
    return select(*(ranked.c[column.name] for column in record_history.columns)).where(ranked.c.place == 1)


def _changed(now: CTE, before: CTE, name: str) -> CTE:
    columns = (*KEYS, *FACTS)
    same_record = now.c.record_id == before.c.record_id
    is_other = or_(*(now.c[name].is_distinct_from(before.c[name]) for name in FACTS))
    counts = (
        select(*(now.c[name] for name in columns), literal(True).label("is_counted"))
        .join_from(now, before, same_record, isouter=True)
        .where(or_(before.c.is_counted.is_distinct_from(True), is_other))
    )
    no_longer = (
        select(*(before.c[name] for name in columns), literal(False).label("is_counted"))
        .join_from(before, now, same_record, isouter=True)
        .where(before.c.is_counted, now.c.record_id.is_(None))
    )
    return union_all(counts, no_longer).cte(f"changed_{name}")


MODEL = Model(
    table=record_history,
    reads=(calls, emails, meetings, deals, deal_owner_changes, meeting_verdicts, verdicts, rep_teams),
    statement=build_record_history,
    parts=history_parts,
    write="append_missing",
    group="kpi",
)
