"""Is it a valid meeting, and why not? One row per meeting: the verdict with its reasons.

A critical rule failed: invalid. Else a critical rule waits for an answer: pending. Else valid. On a day that no signed version
covers there is no verdict: it is NULL, as is the version, and a check counts such meetings.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Text, and_, case, cast, false, func, null, or_, select

from definitions_contract.resolve import InForce
from definitions_contract.schema import Definition, RuleOutcome, Severity, Verdict
from models.context import BuildContext, Model
from models.expressions import or_unknown
from models.kpi.judged_meetings import judged_meetings, versions_in_force
from models.kpi.teams import is_team_on
from models.tables import meeting_rule_results, meeting_verdicts, meetings, rep_teams


def build_meeting_verdicts(context: BuildContext) -> Select[Any]:
    """Fold the rule results into one row per meeting."""
    versions = versions_in_force(context)
    judged = judged_meetings(versions)
    outcomes = _outcomes(versions)

    def by_version(of_definition: Callable[[Definition, CTE], ColumnElement[Any]]) -> ColumnElement[Any]:
        parts = [
            (judged.c.definition_version == version.definition.version, of_definition(version.definition, outcomes))
            for version in versions
        ]
        return case(*parts) if parts else cast(null(), Text)

    verdict = by_version(_verdict)
    return (
        select(
            judged.c.meeting_id,
            judged.c.connection,
            judged.c.crm_id,
            judged.c.crm_url,
            judged.c.rep_id,
            or_unknown(rep_teams.c.team).label("team"),
            verdict.label("verdict"),
            by_version(_rules_with(Severity.CRITICAL, RuleOutcome.FAIL)).label("failed_rules"),
            by_version(_rules_with(Severity.CRITICAL, RuleOutcome.WAITING)).label("waiting_rules"),
            by_version(_rules_with(Severity.WARNING, RuleOutcome.FAIL)).label("warned_rules"),
            judged.c.definition_version,
            judged.c.counted_date,
            judged.c.booked_date,
            judged.c.held_date,
            case((verdict == Verdict.PENDING.value, outcomes.c.pending_until_date)).label("pending_until_date"),
        )
        .join_from(judged, outcomes, judged.c.meeting_id == outcomes.c.meeting_id, isouter=True)
        .join(rep_teams, is_team_on(judged.c.rep_id, judged.c.counted_date), isouter=True)
    )


def _outcomes(versions: tuple[InForce, ...]) -> CTE:
    """Turn the rules of a meeting into columns, one per rule id of any version."""
    results = meeting_rule_results
    rule_ids = sorted({rule.id for version in versions for rule in version.definition.rules})
    is_critical_waiting = and_(
        results.c.severity == Severity.CRITICAL.value, results.c.outcome == RuleOutcome.WAITING.value
    )
    return (
        select(
            results.c.meeting_id,
            *(
                func.max(case((results.c.rule_id == rule_id, results.c.outcome))).label(_column(rule_id))
                for rule_id in rule_ids
            ),
            func.min(case((is_critical_waiting, results.c.waiting_until_date))).label("pending_until_date"),
        )
        .group_by(results.c.meeting_id)
        .cte("outcomes")
    )


def _verdict(definition: Definition, outcomes: CTE) -> ColumnElement[Any]:
    critical = [outcomes.c[_column(rule.id)] for rule in definition.rules if rule.severity is Severity.CRITICAL]
    return case(
        (or_(false(), *(outcome == RuleOutcome.FAIL.value for outcome in critical)), Verdict.INVALID.value),
        (or_(false(), *(outcome == RuleOutcome.WAITING.value for outcome in critical)), Verdict.PENDING.value),
        else_=Verdict.VALID.value,
    )


def _rules_with(severity: Severity, outcome: RuleOutcome) -> Callable[[Definition, CTE], ColumnElement[Any]]:
    """List the rules of that severity with that outcome, in the definition's order; NULL when there is none."""

    def listed(definition: Definition, outcomes: CTE) -> ColumnElement[Any]:
        ids = [rule.id for rule in definition.rules if rule.severity is severity]
        if not ids:
            return cast(null(), Text)
        shown = (case((outcomes.c[_column(rule_id)] == outcome.value, rule_id)) for rule_id in ids)
        return func.nullif(func.concat_ws(",", *shown), "")

    return listed


def _column(rule_id: str) -> str:
    return f"outcome_of_{rule_id}"  # a rule may be called meeting_id


MODEL = Model(
    table=meeting_verdicts,
    reads=(meetings, meeting_rule_results, rep_teams),
    statement=build_meeting_verdicts,
    group="kpi",
)
