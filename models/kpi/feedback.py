"""What does field sales say of held meetings, and where do people and the definition disagree?

The rules that judge the feedback itself are left out: whether the definition agrees with field sales is what is asked here.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, cast, false, func, null, or_, select
from sqlalchemy.types import Text

from definitions_contract.expectations import columns_of
from definitions_contract.schema import Agreement, RuleOutcome, Severity
from models.context import BuildContext, Model
from models.expressions import or_unknown
from models.tables import calendar, disagreements, feedback, meeting_rule_results, meeting_verdicts, meetings

ABOUT_FEEDBACK = ("field_sales_feedback", "field_sales_feedback_first", "reject_reason", "feedback_date")
NONE = "none"


def build_feedback(context: BuildContext) -> Select[Any]:
    """Count the answers to held meetings up to as_of."""
    heard = _heard(context.agreement)
    keys = [
        calendar.c.month_start,
        or_unknown(heard.c.rep_id).label("rep_id"),
        or_unknown(heard.c.held_by_rep_id).label("held_by_rep_id"),
        func.coalesce(heard.c.failed_rules, NONE).label("failed_rules"),
        case((heard.c.answer == "rejected", func.coalesce(heard.c.reject_reason, NONE)), else_=NONE).label(
            "reject_reason"
        ),
    ]
    answers = [
        func.count().filter(heard.c.answer == answer).label(f"{answer}_count")
        for answer in ("accepted", "rejected", "silent", "waiting")
    ]
    return (
        select(*keys, func.arg_max(heard.c.team, heard.c.held_date, type_=Text()).label("team"), *answers)
        .join_from(heard, calendar, heard.c.held_date == calendar.c.day)
        .where(heard.c.held_date <= context.as_of)
        .group_by(*keys)
    )


def build_disagreements(context: BuildContext) -> Select[Any]:
    """List rejected meetings that pass all other critical rules, and accepted ones that fail some."""
    heard = _heard(context.agreement)
    rejected = and_(heard.c.answer == "rejected", heard.c.failed_rules.is_(None), heard.c.is_other_waiting.is_(False))
    accepted = and_(heard.c.answer == "accepted", heard.c.failed_rules.is_not(None))
    names = ("meeting_id", "crm_url", "rep_id", "held_by_rep_id", "failed_rules", "reject_reason")
    return select(
        *(heard.c[name] for name in names),
        case((rejected, "rejected_but_passes"), else_="accepted_but_fails").label("kind"),
        heard.c.definition_version,
        heard.c.held_date,
    ).where(or_(rejected, accepted))


def _heard(agreement: Agreement) -> CTE:
    """One row per held and judged meeting: the answer, and what the other critical rules say."""
    others = _other_rules(agreement)
    answer = case(
        (meetings.c.field_sales_feedback.is_not(None), meetings.c.field_sales_feedback),
        (func.coalesce(others.c.is_answer_waiting, false()), "waiting"),
        else_="silent",
    )
    return (
        select(
            meetings.c.meeting_id,
            meetings.c.crm_url,
            meetings.c.rep_id,
            meetings.c.held_by_rep_id,
            meeting_verdicts.c.team,
            answer.label("answer"),
            others.c.failed_rules,
            meetings.c.reject_reason,
            func.coalesce(others.c.is_other_waiting, false()).label("is_other_waiting"),
            meeting_verdicts.c.definition_version,
            meetings.c.held_date,
        )
        .join_from(meetings, meeting_verdicts, meetings.c.meeting_id == meeting_verdicts.c.meeting_id)
        .join(others, meetings.c.meeting_id == others.c.meeting_id, isouter=True)
        .where(meetings.c.outcome == "held", meeting_verdicts.c.verdict.is_not(None))
        .cte("heard")
    )


def _other_rules(agreement: Agreement) -> CTE:
    """One row per meeting: which critical rules failed, those on the feedback itself apart."""
    results = meeting_rule_results
    is_critical = results.c.severity == Severity.CRITICAL.value
    is_about_feedback = _is_about_feedback(agreement)
    is_waiting = results.c.outcome == RuleOutcome.WAITING.value
    failed = and_(results.c.outcome == RuleOutcome.FAIL.value, is_critical, ~is_about_feedback)
    return (
        select(
            results.c.meeting_id,
            func.string_agg(case((failed, results.c.rule_id), else_=cast(null(), Text)), ",")
            .aggregate_order_by(results.c.rule_id)
            .label("failed_rules"),
            func.bool_or(and_(is_waiting, is_about_feedback)).label("is_answer_waiting"),
            func.bool_or(and_(is_waiting, is_critical, ~is_about_feedback)).label("is_other_waiting"),
        )
        .group_by(results.c.meeting_id)
        .cte("other_rules")
    )


def _is_about_feedback(agreement: Agreement) -> ColumnElement[bool]:
    results = meeting_rule_results
    pairs = sorted(
        {
            (definition.version, rule.id)
            for definition in agreement.definitions
            for rule in definition.rules
            if set(columns_of(rule)) & set(ABOUT_FEEDBACK)
        }
    )
    return or_(
        false(),
        *(and_(results.c.definition_version == version, results.c.rule_id == rule_id) for version, rule_id in pairs),
    )


MODELS: tuple[Model, ...] = (
    Model(
        table=feedback,
        reads=(meetings, meeting_rule_results, meeting_verdicts, calendar),
        statement=build_feedback,
        group="kpi",
    ),
    Model(
        table=disagreements,
        reads=(meetings, meeting_rule_results, meeting_verdicts),
        statement=build_disagreements,
        group="kpi",
    ),
)
