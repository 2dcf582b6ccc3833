"""What does a definition say of every record? The outcome of each rule, and the verdict that follows; shared by four tables.

A critical rule failed: invalid. Else a critical rule waits for an answer: pending. Else valid. On a day that no signed version
covers there is no verdict: it is NULL, as is the version, and a check counts such records.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    union_all,
)

from definitions_contract.resolve import InForce
from definitions_contract.schema import Rule, RuleOutcome, Severity, Verdict
from models.duckdb import row_for_each
from models.expressions import or_unknown
from models.kpi.judged_records import IDENTITY, Judging, deadline_name, judged_records, with_deadlines
from models.kpi.rules import rule_columns
from models.kpi.teams import is_team_on
from models.tables import rep_teams

REASONS = (
    ("failed_rules", Severity.CRITICAL, RuleOutcome.FAIL),
    ("waiting_rules", Severity.CRITICAL, RuleOutcome.WAITING),
    ("warned_rules", Severity.WARNING, RuleOutcome.FAIL),
)


def rule_results(judging: Judging, *, as_of: date) -> Select[Any] | None:
    """One row per record and rule of the version in force on the record's day; None when no version has a rule."""
    versions = [version for version in judging.versions if version.definition.rules]
    if not versions:
        return None
    rows = with_deadlines(judged_records(judging, keep=()), judging)
    results = union_all(*(_results_of(version, rows, as_of=as_of) for version in versions))
    return select(results.cte(f"results_of_{judging.name}"))


def verdicts(judging: Judging, *, as_of: date, keep: Sequence[str] = ()) -> Select[Any]:
    """One row per record: the verdict, why, the version, the day, `keep` of the record, and the team of its rep on that day."""
    judged = judged_records(judging, keep=(*IDENTITY, *keep))
    names = ("record_id", *IDENTITY, *keep, "definition_version", "counted_date")
    parts: list[Select[Any]] = []
    if judging.versions:
        rows = with_deadlines(judged, judging)
        parts = [_verdicts_of(version, rows, names, as_of=as_of) for version in judging.versions]
    unjudged = [judged.c[name] for name in names] + [cast(null(), Text).label(name) for name, _, _ in REASONS]
    nothing = [cast(null(), Text).label("verdict"), cast(null(), Date).label("pending_until_date")]
    parts.append(select(*unjudged, *nothing).where(judged.c.definition_version.is_(None)))
    all_rows = union_all(*parts).cte(f"verdicts_of_{judging.name or 'nothing'}")
    team = or_unknown(rep_teams.c.team).label("team")
    return select(*all_rows.c, team).join_from(
        all_rows, rep_teams, is_team_on(all_rows.c.rep_id, all_rows.c.counted_date), isouter=True
    )


def _results_of(version: InForce, rows: CTE, *, as_of: date) -> Select[Any]:
    """Look at each record once, by all rules, and give a row for each: reading the records once a rule took five times as long."""
    rules = version.definition.rules
    judged = [rule_columns(rule, rows, deadline=_deadline(rule, rows), as_of=as_of) for rule in rules]
    return select(
        rows.c.record_id,
        row_for_each([literal(rule.id) for rule in rules], Text()).label("rule_id"),
        cast(version.definition.version, BigInteger).label("definition_version"),
        row_for_each([literal(rule.severity.value) for rule in rules], Text()).label("severity"),
        row_for_each([one.outcome for one in judged], Text()).label("outcome"),
        row_for_each([one.observed for one in judged], Text()).label("observed"),
        row_for_each([one.waiting_until for one in judged], Date()).label("waiting_until_date"),
    ).where(rows.c.definition_version == version.definition.version)


def _verdicts_of(version: InForce, rows: CTE, names: Sequence[str], *, as_of: date) -> Select[Any]:
    """Judge the records of one version: the rules as columns first, then what follows from them."""
    rules = version.definition.rules
    outcomes = [
        rule_columns(rule, rows, deadline=_deadline(rule, rows), as_of=as_of).outcome.label(_outcome_name(number))
        for number, rule in enumerate(rules)
    ]
    due = {deadline_name(rule.wait_business_days) for rule in rules}
    mine = rows.c.definition_version == version.definition.version
    asked = select(*(rows.c[name] for name in (*names, *sorted(due))), *outcomes).where(mine).subquery()
    critical = [number for number, rule in enumerate(rules) if rule.severity is Severity.CRITICAL]
    failed, waits = (_any(asked, critical, outcome) for outcome in (RuleOutcome.FAIL, RuleOutcome.WAITING))
    verdict = case((failed, Verdict.INVALID.value), (waits, Verdict.PENDING.value), else_=Verdict.VALID.value)
    is_pending = and_(not_(failed), waits)
    return select(
        *(asked.c[name] for name in names),
        *(_listed(rules, asked, severity, outcome).label(name) for name, severity, outcome in REASONS),
        verdict.label("verdict"),
        case((is_pending, _earliest_deadline(rules, asked, critical))).label("pending_until_date"),
    )


def _any(asked: FromClause, numbers: Sequence[int], outcome: RuleOutcome) -> ColumnElement[bool]:
    return or_(false(), *(asked.c[_outcome_name(number)] == outcome.value for number in numbers))


def _listed(
    rules: Sequence[Rule], asked: FromClause, severity: Severity, outcome: RuleOutcome
) -> ColumnElement[str | None]:
    """List the rules of that severity with that outcome, in the definition's order; NULL when there is none."""
    shown = [
        case((asked.c[_outcome_name(number)] == outcome.value, rule.id))
        for number, rule in enumerate(rules)
        if rule.severity is severity
    ]
    return func.nullif(func.concat_ws(",", *shown), "") if shown else cast(null(), Text)


def _earliest_deadline(rules: Sequence[Rule], asked: FromClause, critical: Sequence[int]) -> ColumnElement[date | None]:
    days = [
        case((asked.c[_outcome_name(n)] == RuleOutcome.WAITING.value, _deadline(rules[n], asked))) for n in critical
    ]
    return func.least(*days, type_=Date()) if days else cast(null(), Date)


def _deadline(rule: Rule, rows: FromClause) -> ColumnElement[date]:
    return rows.c[deadline_name(rule.wait_business_days)]


def _outcome_name(number: int) -> str:
    return f"outcome_{number}"
