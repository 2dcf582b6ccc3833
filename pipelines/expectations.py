"""What do the signed rules say when Great Expectations runs them? The second evaluation, on the same table in the warehouse.

It finds the meetings that do not pass: those that fail and those that still wait, which only the calendar tells apart. What
breaks while it runs is an error of the check, never a failed rule.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from definitions_contract.expectations import columns_of
from definitions_contract.resolve import InForce, in_force
from definitions_contract.schema import Rule, RuleOutcome
from models.context import BuildContext
from models.kpi.judged_meetings import DEFINITION
from models.tables import meeting_rule_results, meetings

SHOWN_IDS = 5  # meetings named in a finding; the others are counted


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What Great Expectations found for one rule: `failed` counts fail and waiting. `error` says why there is no count."""

    version: int
    rule_id: str
    checked: int
    failed: int
    failing_ids: tuple[str, ...]
    text: str
    error: str | None = None


def run_definitions(engine: sa.Engine, context: BuildContext) -> tuple[RuleCount, ...]:
    """Run every version in force over the meetings that it judges. The engine's database is a file that others may open."""
    versions = in_force(context.agreement, DEFINITION)
    counts: list[RuleCount] = []
    for number, version in enumerate(versions):
        counts.extend(run_definition(engine, version, newer=versions[number + 1 :]))
    return tuple(counts)


def run_definition(engine: sa.Engine, version: InForce, *, newer: Sequence[InForce] = ()) -> tuple[RuleCount, ...]:
    """Run one version's rules over the meetings of its days that no newer version claims."""
    results = tuple(_validate(engine, version, newer))
    checked = next(result.result.get("observed_value", 0) for result in results if _rule_id(result) is None)
    return tuple(
        _rule_count(version, rule, [result for result in results if _rule_id(result) == rule.id], checked=checked)
        for rule in version.definition.rules
    )


def compare(connection: sa.Connection, counts: Iterable[RuleCount]) -> list[str]:
    """Say where both evaluations differ, meeting by meeting; empty when they agree."""
    findings = []
    for count in counts:
        name = f"v{count.version} {count.rule_id}"
        if count.error is not None:
            findings.append(f"{name}: not evaluated by Great Expectations: {count.error}")
            continue
        outcomes = _outcomes_by_sql(connection, count)
        if len(outcomes) != count.checked:
            findings.append(f"{name}: SQL judged {len(outcomes)} meetings, Great Expectations {count.checked}")
        by_sql = {meeting_id for meeting_id, outcome in outcomes.items() if outcome != RuleOutcome.PASS.value}
        by_gx = set(count.failing_ids)
        if by_sql != by_gx:
            findings.append(
                f"{name}: {len(by_sql)} do not pass by SQL, {len(by_gx)} by Great Expectations; "
                f"only by SQL: {_shown(by_sql - by_gx)}; only by Great Expectations: {_shown(by_gx - by_sql)}"
            )
    return findings


def _validate(engine: sa.Engine, version: InForce, newer: Sequence[InForce]) -> Iterator[Any]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from pipelines.duckdb_datasource import TYPE
    from pipelines.rule_suite import build_suite

    name = f"{version.definition.name}_v{version.definition.version}"
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    add_source = getattr(context.data_sources, f"add_or_update_{TYPE}")
    source = add_source(name=name, connection_string=engine.url.render_as_string(hide_password=False))
    try:
        asset = source.add_query_asset(name=name, query=_literal_sql(_batch(version, newer), engine))
        batch = asset.add_batch_definition_whole_table(name).get_batch()
        suite = build_suite(name, version.definition.rules)
        yield from batch.validate(suite, result_format=_result_format(_row_count(engine))).results
    finally:  # its pools would keep the file locked for other processes
        source.get_execution_engine().engine.dispose()
        source.get_engine().dispose()


def _batch(version: InForce, newer: Sequence[InForce]) -> sa.Select[Any]:
    """Select the meetings that a version judges, with a column for each regular expression of its rules."""
    from pipelines.rule_suite import WANTED_MATCH, match_column

    matches = [
        sa.func.regexp_matches(meetings.c[columns_of(rule)[0]], rule.kwargs["regex"]).label(match_column(rule))
        for rule in version.definition.rules
        if rule.expectation in WANTED_MATCH
    ]
    claimed = [sa.func.coalesce(_is_judged_by(other), sa.false()) for other in newer]
    return sa.select(*meetings.c, *matches).where(_is_judged_by(version), sa.not_(sa.or_(sa.false(), *claimed)))


def _is_judged_by(version: InForce) -> sa.ColumnElement[bool]:
    day = meetings.c[version.definition.counted_on]
    return sa.and_(day >= version.start, day < version.end) if version.end else day >= version.start


def _literal_sql(statement: sa.Select[Any], engine: sa.Engine) -> str:
    """Write a statement with its values in it, quoted by the dialect: Great Expectations takes text."""
    return str(statement.compile(engine, compile_kwargs={"literal_binds": True}))


def _row_count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(meetings)).scalar_one()


def _result_format(most: int) -> dict[str, Any]:
    """Ask for every meeting that does not pass: without a number Great Expectations stops at 20."""
    return {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": [meetings.c.meeting_id.name],
        "partial_unexpected_count": max(most, 1),
    }


def _rule_id(result: Any) -> str | None:
    from pipelines.rule_suite import RULE

    rule_id: str | None = (result.expectation_config.meta or {}).get(RULE)
    return rule_id


def _rule_count(version: InForce, rule: Rule, results: Sequence[Any], *, checked: int) -> RuleCount:
    from pipelines.rule_suite import expectations_of

    errors = [error for result in results if (error := _error(result)) is not None]
    if len(results) != (wanted := len(expectations_of(rule))):
        errors.append(f"{len(results)} of {wanted} expectations gave a result")
    found = {_meeting_id(row) for result in results for row in result.result.get("unexpected_index_list") or ()}
    return RuleCount(
        version=version.definition.version,
        rule_id=rule.id,
        checked=checked,
        failed=len(found),
        failing_ids=tuple(sorted(found)),
        text=f"{rule.expectation} {dict(rule.kwargs)}",
        error="; ".join(dict.fromkeys(errors)) or None,
    )


def _meeting_id(row: Mapping[str, Any]) -> str:
    return str(row[meetings.c.meeting_id.name])


def _error(result: Any) -> str | None:
    """Give the message of what broke. Great Expectations keeps it flat, or once per metric that could not be computed."""
    information = result.exception_info or {}
    kept = [information] if "raised_exception" in information else list(information.values())
    messages = [entry["exception_message"] for entry in kept if entry["raised_exception"]]
    return "; ".join(dict.fromkeys(messages)) or None


def _outcomes_by_sql(connection: sa.Connection, count: RuleCount) -> dict[str, str]:
    results = meeting_rule_results.c
    of_rule = (results.definition_version == count.version) & (results.rule_id == count.rule_id)
    rows = connection.execute(sa.select(results.meeting_id, results.outcome).where(of_rule))
    return {row.meeting_id: row.outcome for row in rows}


def _shown(meeting_ids: set[str]) -> str:
    shown = sorted(meeting_ids)[:SHOWN_IDS]
    more = f" and {len(meeting_ids) - SHOWN_IDS} more" if len(meeting_ids) > SHOWN_IDS else ""
    return (", ".join(shown) or "none") + more
