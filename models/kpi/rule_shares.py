"""Does the team meet the share that a rule's `mostly` asks for? One row per such rule; a warning for the team, never a verdict.

Counted are the records of the last SHARE_DAYS days that the rule asks and that have an answer, or had to have one by now.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, Connection, Double, Select, cast, func, literal, select, union_all

from definitions_contract.resolve import InForce
from definitions_contract.schema import Rule, RuleOutcome
from models.context import BuildContext
from models.expressions import ratio
from models.kpi.judged_records import (
    Judging,
    deadline_name,
    judged_records,
    judging_meetings,
    judging_others,
    with_deadlines,
)
from models.kpi.rules import is_asked, rule_columns

SHARE_DAYS = (
    90  # a quarter: long enough for a share, short enough that a change shows; a lifetime's average warns too late
)


def rule_shares(connection: Connection, context: BuildContext) -> list[dict[str, Any]]:
    """Give definition, version, rule_id, mostly, answered and share of each rule with `mostly`; without records no share."""
    found = [
        part
        for judging in (judging_meetings(context.agreement), *judging_others(context.agreement))
        for part in _shares(judging, context)
    ]
    return [dict(row) for row in connection.execute(union_all(*found)).mappings()] if found else []


def _shares(judging: Judging, context: BuildContext) -> Iterator[Select[Any]]:
    asked = [(v, rule) for v in judging.versions for rule in v.definition.rules if "mostly" in rule.kwargs]
    if asked:
        rows = with_deadlines(judged_records(judging, keep=()), judging)
        yield from (_share(judging.name, version, rule, rows, context) for version, rule in asked)


def _share(name: str, version: InForce, rule: Rule, rows: CTE, context: BuildContext) -> Select[Any]:
    deadline = rows.c[deadline_name(rule.wait_business_days)]
    outcome = rule_columns(rule, rows, deadline=deadline, as_of=context.as_of).outcome
    passed = func.count().filter(outcome == RuleOutcome.PASS.value)
    return select(
        literal(name).label("definition"),
        literal(version.definition.version).label("version"),
        literal(rule.id).label("rule_id"),
        cast(literal(float(rule.kwargs["mostly"])), Double).label("mostly"),
        func.count().label("answered"),
        ratio(passed, func.count()).label("share"),
    ).where(
        rows.c.definition_version == version.definition.version,
        rows.c.counted_date > context.as_of - timedelta(days=SHARE_DAYS),
        rows.c.counted_date <= context.as_of,
        is_asked(rule, rows),
        outcome != RuleOutcome.WAITING.value,
    )
