"""What would another version change? Both versions judge the same records in one statement; nothing here is a table.

Each version is read as if it held from `since` on, signed or not. Which records move, by which rule, and what that does to the
KPIs of each month, follows from laying the two sets of verdicts over each other.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from definitions_contract.resolve import InForce
from definitions_contract.schema import Definition, Kpi, Measure, PeriodKind, RuleOutcome, Severity, Verdict
from definitions_contract.vocabulary import KEYS, OWNER_THEN
from models.duckdb import days_between
from models.expressions import or_unknown
from models.kpi.events import (
    event_column,
    known_by,
    meetings_with,
    summed_column,
    where_condition,
    with_owner_then,
)
from models.kpi.judged_records import (
    EVENTS,
    IDENTITY,
    Judging,
    counted_column,
    deadline_name,
    deadlines,
    judged_records,
)
from models.kpi.periods import PERIOD_STARTS
from models.kpi.rules import rule_columns
from models.kpi.teams import is_team_on
from models.tables import calendar, deals, rep_teams

SIDES = ("before", "after")
VALID = Verdict.VALID.value
RANKS = {Verdict.INVALID.value: 1, Verdict.PENDING.value: 2, VALID: 3}  # a move goes up or down


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions over the records counted since a day, as known on as_of."""

    before: Definition
    after: Definition
    since: date
    as_of: date
    ramp_business_days: int = 60

    @property
    def event(self) -> str:
        """What both judge."""
        return self.after.judges

    @property
    def table(self) -> Table:
        """The core table of what they judge."""
        return EVENTS[self.event]

    @property
    def key(self) -> ColumnElement[Any]:
        """The key of that table."""
        return self.table.c[KEYS[self.event]]

    def side(self, name: str) -> Definition:
        """Give the version of a side."""
        return self.before if name == "before" else self.after


def verdicts_of(comparison: Comparison) -> dict[str, CTE]:
    """Judge the records by each version: one row per record counted since the day, with its reasons.

    The rows are read once, with all that either version looks at; a team or a ramping rep is that of the newer version's day.
    """
    definitions = (comparison.before, comparison.after)
    both = tuple(InForce(definition, comparison.since, None) for definition in definitions)
    days = tuple(definition.counted_on for definition in definitions)
    judging = Judging(comparison.after.name, comparison.event, both, comparison.ramp_business_days)
    rows = judged_records(judging, keep=(*IDENTITY, *days))
    due = deadlines(rule.wait_business_days for definition in definitions for rule in definition.rules)
    return {side: _verdicts(side, comparison, rows, due) for side in SIDES}


def compared_records(verdicts: dict[str, CTE]) -> CTE:
    """One row per record that either version counts: both verdicts, and the rules that move it; NULL when none does."""
    before, after = verdicts["before"], verdicts["after"]
    both = before.join(after, before.c.record_id == after.c.record_id, full=True)
    goes_down = _rank(after) < _rank(before)
    worse = {
        name: case((goes_down, after.c[name]), else_=before.c[name])
        for name in ("verdict", "failed_rules", "waiting_rules", "is_unanswered", "seen")
    }
    rules = case((worse["verdict"] == Verdict.INVALID.value, worse["failed_rules"]), else_=worse["waiting_rules"])
    is_moved = before.c.verdict.is_distinct_from(after.c.verdict)
    return (
        select(
            func.coalesce(after.c.record_id, before.c.record_id).label("record_id"),
            before.c.verdict.label("before_verdict"),
            after.c.verdict.label("after_verdict"),
            case((is_moved, rules)).label("moving_rules"),
            case((is_moved, worse["seen"])).label("seen"),
            is_moved.label("is_moved"),
            case((is_moved, worse["is_unanswered"]), else_=false()).label("is_unanswered"),
            func.coalesce(after.c.counted_date, before.c.counted_date).label("counted_date"),
        )
        .select_from(both)
        .cte("compared")
    )


def moves(comparison: Comparison) -> Select[Any]:
    """Count the records by both verdicts and the rules that move them; unmoved ones have no rules."""
    compared = compared_records(verdicts_of(comparison))
    keys = [compared.c.before_verdict, compared.c.after_verdict, compared.c.moving_rules]
    unanswered = func.count().filter(compared.c.is_unanswered).label("unanswered_count")
    return select(*keys, func.count().label("record_count"), unanswered).group_by(*keys).order_by(*keys)


def moved_records(comparison: Comparison) -> Select[Any]:
    """List every record whose verdict differs, with its link and what the moving rules saw."""
    compared, table = compared_records(verdicts_of(comparison)), comparison.table
    columns = [compared.c[name] for name in ("before_verdict", "after_verdict", "moving_rules", "seen", "counted_date")]
    return (
        select(compared.c.record_id, table.c.crm_url, table.c.rep_id, *columns)
        .join_from(compared, table, compared.c.record_id == comparison.key)
        .where(compared.c.is_moved)
        .order_by(compared.c.counted_date, compared.c.record_id)
    )


def counts(comparison: Comparison) -> Select[Any]:
    """Count verdicts per version, month, team, rep and lead source, each version by its own day, up to as_of."""
    verdicts = verdicts_of(comparison)
    sides = (_counts(side, verdict_set, comparison) for side, verdict_set in verdicts.items())
    return select(union_all(*sides).cte("counts"))


def kpi_facts(comparison: Comparison, kpis: tuple[Kpi, ...], every: PeriodKind) -> Select[Any] | None:
    """Count every KPI that rests on the definition under each version, per period and rep; None without such a KPI."""
    verdicts = verdicts_of(comparison)
    events = {side: _events(side, verdicts[side], comparison) for side in SIDES}
    facts = [
        _measured(kpi, measure, side, events=events[side], comparison=comparison, every=every)
        for side in SIDES
        for kpi in kpis
        for measure in (kpi.numerator, kpi.denominator)
        if measure is not None and measure.event == comparison.event and kpi.definition == comparison.after.name
    ]
    return select(union_all(*facts).cte("facts")) if facts else None


def conversion(comparison: Comparison, horizon_days: int) -> Select[Any]:
    """Count records old enough by whether each version calls them valid, and those whose deal was won within the horizon.

    Those that move for want of an answer stand apart: nobody recorded it, which says nothing of the record.
    """
    compared, table, deal = compared_records(verdicts_of(comparison)), comparison.table, deals.alias("led_to")
    days = days_between(compared.c.counted_date, deal.c.close_date)
    is_won = and_(deal.c.status == "won", days.between(0, horizon_days), deal.c.close_date <= comparison.as_of)
    keys: list[ColumnElement[Any]] = [
        *(func.coalesce(compared.c[f"{side}_verdict"] == VALID, false()).label(f"is_{side}_valid") for side in SIDES),
        compared.c.is_unanswered,
    ]
    return (
        select(*keys, func.count().label("record_count"), func.count().filter(is_won).label("won_count"))
        .join_from(compared, table, compared.c.record_id == comparison.key)
        .join(deal, table.c.deal_id == deal.c.deal_id, isouter=True)
        .where(compared.c.counted_date <= comparison.as_of - timedelta(days=horizon_days))
        .group_by(*keys)
    )


def _events(side: str, verdicts: CTE, comparison: Comparison) -> FromClause:
    """Give the event table as measures see it, with the verdicts of one side."""
    if comparison.event == "meetings":
        judged = select(verdicts.c.record_id.label("meeting_id"), *verdicts.c).cte(f"meetings_{side}")
        return meetings_with(judged, f"events_{side}")
    table = comparison.table
    return (
        select(*table.c, verdicts.c.verdict, verdicts.c.definition_version)
        .join_from(table, verdicts, comparison.key == verdicts.c.record_id, isouter=True)
        .cte(f"events_{side}")
    )


def _verdicts(side: str, comparison: Comparison, rows: CTE, due: CTE) -> CTE:
    definition = comparison.side(side)
    outcomes = _outcomes(side, comparison, rows, due)
    of = {rule.id: outcomes.c[f"outcome_of_{rule.id}"] for rule in definition.rules}
    observed = {rule.id: outcomes.c[f"seen_by_{rule.id}"] for rule in definition.rules}
    critical = [rule.id for rule in definition.rules if rule.severity is Severity.CRITICAL]

    def listed(outcome: RuleOutcome) -> ColumnElement[Any]:
        shown = (case((of[rule_id] == outcome.value, rule_id)) for rule_id in critical)
        return func.nullif(func.concat_ws(",", *shown), "") if critical else cast(null(), Text)

    def any_with(outcome: RuleOutcome) -> ColumnElement[bool]:
        return or_(false(), *(of[rule_id] == outcome.value for rule_id in critical))

    stopped = {rule_id: of[rule_id] != RuleOutcome.PASS.value for rule_id in critical}
    seen = [
        case((is_stopped, literal(f"{rule_id} = ", Text).concat(func.coalesce(observed[rule_id], "-"))))
        for rule_id, is_stopped in stopped.items()
    ]
    unanswered = [and_(is_stopped, observed[rule_id].is_(None)) for rule_id, is_stopped in stopped.items()]
    columns: list[ColumnElement[Any]] = [
        outcomes.c.record_id,
        outcomes.c.counted_date,
        cast(literal(definition.version), BigInteger).label("definition_version"),
        case(
            (any_with(RuleOutcome.FAIL), Verdict.INVALID.value),
            (any_with(RuleOutcome.WAITING), Verdict.PENDING.value),
            else_=VALID,
        ).label("verdict"),
        listed(RuleOutcome.FAIL).label("failed_rules"),
        listed(RuleOutcome.WAITING).label("waiting_rules"),
        func.nullif(func.concat_ws("; ", *seen), "").label("seen"),
        or_(false(), *unanswered).label("is_unanswered"),
    ]
    return select(*columns).cte(f"verdicts_{side}")


def _outcomes(side: str, comparison: Comparison, rows: CTE, due: CTE) -> CTE:
    """One row per meeting, one column per rule: what it says, and what it saw."""
    definition = comparison.side(side)
    day = counted_column(rows, definition)
    dated = due.alias(f"due_{side}")
    columns: list[ColumnElement[Any]] = []
    for rule in definition.rules:
        deadline = func.coalesce(dated.c[deadline_name(rule.wait_business_days)], day)
        judged = rule_columns(rule, rows, deadline=deadline, as_of=comparison.as_of)
        columns += [judged.outcome.label(f"outcome_of_{rule.id}"), judged.observed.label(f"seen_by_{rule.id}")]
    return (
        select(rows.c.record_id, day.label("counted_date"), *columns)
        .join_from(rows, dated, dated.c.day == day, isouter=True)
        .where(day >= comparison.since)
        .cte(f"outcomes_{side}")
    )


def _rank(verdicts: CTE) -> ColumnElement[int]:
    return case(RANKS, value=verdicts.c.verdict, else_=0)


def _counts(side: str, verdicts: CTE, comparison: Comparison) -> Select[Any]:
    table = comparison.table
    keys: list[ColumnElement[Any]] = [
        calendar.c.month_start,
        or_unknown(rep_teams.c.team).label("team"),
        or_unknown(table.c.rep_id).label("rep_id"),
        or_unknown(table.c.lead_source).label("lead_source"),
        verdicts.c.verdict,
    ]
    return (
        select(
            literal(side).label("side"),
            *keys,
            func.count().label("record_count"),
            func.count().filter(verdicts.c.is_unanswered).label("unanswered_count"),
        )
        .join_from(verdicts, table, verdicts.c.record_id == comparison.key)
        .join(calendar, calendar.c.day == verdicts.c.counted_date)
        .join(rep_teams, is_team_on(table.c.rep_id, verdicts.c.counted_date), isouter=True)
        .where(verdicts.c.counted_date <= comparison.as_of)
        .group_by(*keys)
    )


def _measured(
    kpi: Kpi, measure: Measure, side: str, *, events: Any, comparison: Comparison, every: PeriodKind
) -> Select[Any]:
    events = with_owner_then(events, measure.date) if measure.credit == OWNER_THEN else events
    day = event_column(events, measure.date, measure)
    rep = event_column(events, measure.credit, measure)
    known = known_by(comparison.as_of, events, measure)
    amount = func.count() if measure.sum is None else func.sum(summed_column(events, measure, known))
    is_numerator = measure is kpi.numerator
    keys: list[ColumnElement[Any]] = [
        PERIOD_STARTS[every].label("period_start"),
        or_unknown(rep).label("rep_id"),
        or_unknown(rep_teams.c.team).label("team"),
        or_unknown(rep_teams.c.department).label("department"),
    ]
    sides = (cast(amount if is_numerator else null(), Double), cast(null() if is_numerator else amount, Double))
    return (
        select(
            literal(kpi.id).label("kpi_id"),
            literal(side).label("side"),
            *keys,
            sides[0].label("numerator"),
            sides[1].label("denominator"),
        )
        .join_from(events, calendar, calendar.c.day == day)
        .join(rep_teams, is_team_on(rep, day), isouter=True)
        .where(where_condition(events, measure, known), day >= comparison.since, day <= comparison.as_of)
        .group_by(*keys)
    )
