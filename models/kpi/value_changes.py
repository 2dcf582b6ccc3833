"""Why is a number of a past period another one today? The records that counted otherwise on two nights, each with its reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Select, and_, case, exists, func, or_, select

from definitions_contract.schema import Agreement, Kpi, Measure, ScopeKind
from models.expressions import in_period
from models.kpi.events import RECORD_IDS, event_of
from models.kpi.kpi_records import Asked, measure_id
from models.kpi.record_history import known_records
from models.tables import meeting_copies, record_history

NOTHING = Decimal(0)
SCOPES: Mapping[ScopeKind, str] = {
    ScopeKind.REP: "rep_id",
    ScopeKind.TEAM: "team",
    ScopeKind.DEPARTMENT: "department",
}
MOVABLE = ("counted_date", "rep_id", "team", "amount")


class Reason(StrEnum):
    """Why a record counts otherwise than it did."""

    NEW = "new"  # its day came after the earlier night
    LATE = "late"  # its day had passed, but nobody had entered it
    EDITED = "edited"  # it was there and was changed
    NEW_VERSION = "new_version"  # another version of the definition judges it
    MERGED = "merged"  # it became a copy of another record
    GONE = "gone"  # the CRM no longer has it: deleted, or merged where the CRM does not say into what


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record that counted otherwise; `before` and `after` are what it added to the number."""

    record_id: str
    crm_url: str | None
    reason: Reason
    before: Decimal
    after: Decimal
    moved: tuple[str, ...]  # what is different: counted_date, rep_id, team, amount


def record_changes(
    connection: Connection, agreement: Agreement, kpi: Kpi, measure: Measure, asked: Asked, *, nights: tuple[date, date]
) -> list[RecordChange]:
    """Compare what a measure counted in a period and scope on two nights; the differences add up to that of the number."""
    statement = _differences(agreement, kpi, measure, asked, nights=nights)
    return [_change(row, earlier=nights[0]) for row in connection.execute(statement).mappings()]


def has_records(connection: Connection, kpi: Kpi, measure: Measure, night: date) -> bool:
    """Tell whether the records of a night were kept: they are since the measure has its present text."""
    kept = select(func.min(record_history.c.known_date)).where(record_history.c.measure_id == measure_id(kpi, measure))
    first = connection.execute(kept).scalar_one_or_none()
    return first is not None and first <= night


def number_then(kpi: Kpi, measure: Measure, asked: Asked, night: date) -> Select[Any]:
    """Give the sum of the records that counted on a night: what kpi.snapshots has for that side."""
    then = _known(kpi, measure, night, "then")
    return select(func.coalesce(func.sum(_added(then, asked)), NOTHING))


def _known(kpi: Kpi, measure: Measure, night: date, name: str) -> CTE:
    return known_records(night, measure_id(kpi, measure)).cte(name)


def _added(known: CTE, asked: Asked) -> ColumnElement[Any]:
    """What a record adds to the number asked for: its amount, or nothing when it counts elsewhere or not at all."""
    is_inside = and_(
        known.c.is_counted,
        in_period(known.c.counted_date, asked.start, asked.end),
        known.c[SCOPES[asked.scope_kind]] == asked.scope_id,
    )
    return case((is_inside, known.c.amount), else_=NOTHING)


def _differences(
    agreement: Agreement, kpi: Kpi, measure: Measure, asked: Asked, *, nights: tuple[date, date]
) -> Select[Any]:
    before, after = (_known(kpi, measure, night, name) for night, name in zip(nights, ("before", "after"), strict=True))
    event = event_of(measure)
    record = event.c[RECORD_IDS[measure.event]]
    added = {"before": func.coalesce(_added(before, asked), NOTHING), "after": _added(after, asked)}
    is_other = or_(added["before"] != added["after"], _counts_otherwise(before, after, added))
    present = event.c.definition_version if "definition_version" in event.c else before.c.definition_version
    return (
        select(
            after.c.record_id,
            event.c.crm_url,
            *(amount.label(name) for name, amount in added.items()),
            *(before.c[name].is_distinct_from(after.c[name]).label(f"is_other_{name}") for name in MOVABLE),
            after.c.counted_date,
            before.c.record_id.is_not(None).label("was_known"),
            before.c.is_counted.label("was_counted"),
            after.c.is_counted,
            before.c.definition_version.label("version_before"),
            case((after.c.is_counted, after.c.definition_version), else_=present).label("version_after"),
            record.is_not(None).label("is_there"),
            _was_known_elsewhere(agreement, measure, after, nights[0]).label("was_known_elsewhere"),
            _is_copy(after).label("is_copy"),
        )
        .join_from(after, before, before.c.record_id == after.c.record_id, isouter=True)
        .join(event, record == after.c.record_id, isouter=True)
        .where(is_other)
        .order_by(after.c.counted_date, after.c.record_id)
    )


def _counts_otherwise(before: CTE, after: CTE, added: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """An amount of zero can come and go without moving the sum; it is a record all the same."""
    is_inside = or_(added["before"] != 0, added["after"] != 0)
    return and_(is_inside, before.c.definition_version.is_distinct_from(after.c.definition_version))


def _was_known_elsewhere(agreement: Agreement, measure: Measure, after: CTE, night: date) -> ColumnElement[bool]:
    """Tell whether any measure of the same event had the record already: then it was not entered late, but changed."""
    same_event = {
        measure_id(kpi, other)
        for kpi in agreement.kpis.kpis
        for other in (kpi.numerator, kpi.denominator)
        if other is not None and other.event == measure.event
    }
    known = record_history.alias("known_elsewhere")
    return exists().where(
        known.c.measure_id.in_(sorted(same_event)),
        known.c.record_id == after.c.record_id,
        known.c.known_date <= night,
    )


def _is_copy(after: CTE) -> ColumnElement[bool]:
    copy = meeting_copies.alias("copy")
    identity = copy.c.connection.concat(":").concat(copy.c.crm_id)
    return exists().where(identity == after.c.record_id, copy.c.meeting_id != after.c.record_id)


def _change(row: Mapping[Any, Any], *, earlier: date) -> RecordChange:
    return RecordChange(
        record_id=row["record_id"],
        crm_url=row["crm_url"],
        reason=_reason(row, earlier),
        before=row["before"],
        after=row["after"],
        moved=tuple(_moved(row)),
    )


def _reason(row: Mapping[Any, Any], earlier: date) -> Reason:
    if not row["is_there"]:
        return Reason.MERGED if row["is_copy"] else Reason.GONE
    if row["was_known"]:
        has_new_version = row["version_before"] != row["version_after"]
        return Reason.NEW_VERSION if has_new_version else Reason.EDITED
    if row["counted_date"] > earlier:
        return Reason.NEW
    return Reason.EDITED if row["was_known_elsewhere"] else Reason.LATE


def _moved(row: Mapping[Any, Any]) -> Iterator[str]:
    if row["was_counted"] and row["is_counted"]:
        yield from (name for name in MOVABLE if row[f"is_other_{name}"])
