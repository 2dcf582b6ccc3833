"""What do the signed rules say when Great Expectations runs them? The second evaluation, on the same table in the warehouse.

It finds the records that do not pass: those that fail and those that still wait, which only the calendar tells apart. What
breaks while it runs is an error of the check, never a failed rule.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlglot import exp

from definitions_contract.expectations import DAYS_BETWEEN, SQL_CONDITION, columns_of
from definitions_contract.resolve import InForce
from definitions_contract.schema import Rule, RuleOutcome
from definitions_contract.sql_conditions import parse_sql_condition
from definitions_contract.words import describe_rule
from models.context import BuildContext
from models.duckdb import days_between
from models.kpi.judged_records import Judging, judging_meetings, judging_others
from models.kpi.linked import with_linked
from models.tables import meeting_rule_results, rule_results

LOOKS_BOUND = re.compile(r"(?<!\w):(\w)")  # a colon that SQLAlchemy's text() takes for the beginning of a name
COMPUTING = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs)
RuleKey = tuple[str, int, str]  # definition, version, rule
SHOWN_IDS = 5  # records named in a finding; the others are counted


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for Great Expectations to look at: a statement over the warehouse with the key and whatever the rules ask."""

    name: str
    rows: sa.Select[Any]
    key: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What one rule's expectations found in a batch: the rows seen, those that do not pass, and what broke, if anything did."""

    checked: int
    failing_ids: tuple[str, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What Great Expectations found for one rule: `failed` counts fail and waiting. `error` says why there is no count."""

    definition: str
    version: int
    rule_id: str
    checked: int
    failed: int
    failing_ids: tuple[str, ...]
    text: str
    in_meetings: bool  # its outcomes by SQL are in kpi.meeting_rule_results; else in kpi.rule_results
    error: str | None = None


def run_definitions(
    engine: sa.Engine, context: BuildContext, *, wanted: Collection[RuleKey] | None = None
) -> tuple[RuleCount, ...]:
    """Run every version in force over the records of its days that no newer version claims; only the wanted rules, if any are.

    The engine's database is a file that others may open.
    """
    meeting_definition = judging_meetings(context.agreement)
    batches = [
        (judging, number, batch)
        for judging in (meeting_definition, *judging_others(context.agreement))
        for number in range(len(judging.versions))
        if (batch := _version_batch(judging, number, wanted)).rules
    ]
    found = run_rules(engine, (batch for _, _, batch in batches))
    return tuple(
        _rule_count(judging.versions[number], rule, by_rule[rule.id], in_meetings=judging is meeting_definition)
        for (judging, number, batch), by_rule in zip(batches, found, strict=True)
        for rule in batch.rules
    )


def run_rules(engine: sa.Engine, batches: Iterable[Batch]) -> list[dict[str, Found]]:
    """Run each batch's rules over its rows; what breaks in one is said in its answer."""
    with _source(engine) as source:
        return [_run_batch(engine, source, batch) for batch in batches]


def compare(connection: sa.Connection, counts: Iterable[RuleCount]) -> list[str]:
    """Say where both evaluations differ, record by record; empty when they agree."""
    findings = []
    for count in counts:
        name = f"{count.definition} v{count.version} {count.rule_id}"
        if count.error is not None:
            findings.append(f"{name}: not evaluated by Great Expectations: {count.error}")
            continue
        outcomes = _outcomes_by_sql(connection, count)
        if len(outcomes) != count.checked:
            findings.append(f"{name}: SQL judged {len(outcomes)} records, Great Expectations {count.checked}")
        by_sql = {record_id for record_id, outcome in outcomes.items() if outcome != RuleOutcome.PASS.value}
        by_gx = set(count.failing_ids)
        if by_sql != by_gx:
            findings.append(
                f"{name}: {len(by_sql)} do not pass by SQL, {len(by_gx)} by Great Expectations; "
                f"only by SQL: {_shown(by_sql - by_gx)}; only by Great Expectations: {_shown(by_gx - by_sql)}"
            )
    return findings


@contextmanager
def _source(engine: sa.Engine) -> Iterator[Any]:
    """Tell Great Expectations where the warehouse is."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from pipelines.duckdb_datasource import TYPE

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    add_source = getattr(context.data_sources, f"add_or_update_{TYPE}")
    source = add_source(name="warehouse", connection_string=engine.url.render_as_string(hide_password=False))
    try:
        yield source
    finally:  # its pools would keep the file locked for other processes
        source.get_execution_engine().engine.dispose()
        source.get_engine().dispose()


def _run_batch(engine: sa.Engine, source: Any, batch: Batch) -> dict[str, Found]:
    from pipelines.rule_suite import build_suite

    rows = batch.rows.subquery("rows")
    query = _literal_sql(sa.select(*rows.c, *_computed(batch.rules, rows)), engine)
    whole = source.add_query_asset(name=batch.name, query=query).add_batch_definition_whole_table(batch.name)
    result_format = _result_format(batch.key, _row_count(engine, rows))
    results = whole.get_batch().validate(build_suite(batch.name, batch.rules), result_format=result_format).results
    checked = next(result.result.get("observed_value", 0) for result in results if _rule_id(result) is None)
    of_rule = {rule.id: [result for result in results if _rule_id(result) == rule.id] for rule in batch.rules}
    return {rule.id: _found(rule, of_rule[rule.id], checked=checked, key=batch.key) for rule in batch.rules}


def _version_batch(judging: Judging, number: int, wanted: Collection[RuleKey] | None) -> Batch:
    definition = judging.versions[number].definition
    key = (definition.name, definition.version)
    rules = tuple(rule for rule in definition.rules if wanted is None or (*key, rule.id) in wanted)
    return Batch(f"{definition.name}_v{definition.version}", _records(judging, number), judging.key, rules)


def _records(judging: Judging, number: int) -> sa.Select[Any]:
    """Select the records that a version judges, with what its rules use."""
    table, version, newer = judging.table, judging.versions[number], judging.versions[number + 1 :]
    claimed = [sa.func.coalesce(_is_judged_by(other, table), sa.false()) for other in newer]
    mine = sa.and_(_is_judged_by(version, table), sa.not_(sa.or_(sa.false(), *claimed)))
    day = table.c[version.definition.counted_on].label("counted_date")
    rows = sa.select(*table.c, day).where(mine).subquery("records")
    linked = with_linked(rows, judging.used, ramp_business_days=judging.ramp_business_days).subquery("linked_records")
    names = dict.fromkeys((judging.key, *judging.used))
    return sa.select(*(linked.c[name] for name in names))


def _computed(rules: Iterable[Rule], rows: sa.FromClause) -> Iterator[sa.ColumnElement[Any]]:
    from pipelines.rule_suite import COMPUTED, computed_column

    for rule in rules:
        if rule.expectation in COMPUTED:
            yield _computed_value(rule, rows).label(computed_column(rule))


def _computed_value(rule: Rule, rows: sa.FromClause) -> sa.ColumnElement[Any]:
    if rule.expectation == SQL_CONDITION:
        # the parsed tree written out again, not the text: only what is on the list can be in it
        tree = _with_room(parse_sql_condition(str(rule.kwargs["condition"])), rows)
        return sa.literal_column(f"({tree.sql(dialect='duckdb', identify=True, comments=False)})", sa.Boolean())
    columns = [rows.c[name] for name in columns_of(rule)]
    if rule.expectation == DAYS_BETWEEN:
        return days_between(*columns)
    return sa.func.regexp_matches(columns[0], rule.kwargs["regex"])


def _with_room(tree: exp.Expression, rows: sa.FromClause) -> exp.Expression:
    """Compute whole numbers in 128 bits: a record with a huge one must not stop the night."""

    def widened(node: exp.Expression) -> exp.Expression:
        is_whole = isinstance(node, exp.Column) and isinstance(rows.c[node.name].type, sa.Integer)
        return exp.cast(node.copy(), "int128") if is_whole and node.find_ancestor(*COMPUTING) else node

    return tree.transform(widened)


def _is_judged_by(version: InForce, table: sa.Table) -> sa.ColumnElement[bool]:
    day = table.c[version.definition.counted_on]
    return sa.and_(day >= version.start, day < version.end) if version.end else day >= version.start


def _literal_sql(statement: sa.Select[Any], engine: sa.Engine) -> str:
    """Write a statement with its values in it, quoted by the dialect: Great Expectations takes text that begins with SELECT.

    It reads the text as SQLAlchemy does, to which `:word` is a value to be bound; only texts can hold one, such as `(?:a|b)`.
    """
    written = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    written = LOOKS_BOUND.sub(r"' || chr(58) || '\1", written)
    return f"SELECT * FROM ({written}) AS asked"  # noqa: S608 - the compiler's output; it may begin with WITH


def _row_count(engine: sa.Engine, table: sa.FromClause) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _result_format(key: str, most: int) -> dict[str, Any]:
    """Ask for every record that does not pass: without a number Great Expectations stops at 20."""
    return {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": [key],
        "partial_unexpected_count": max(most, 1),
    }


def _rule_id(result: Any) -> str | None:
    from pipelines.rule_suite import RULE

    rule_id: str | None = (result.expectation_config.meta or {}).get(RULE)
    return rule_id


def _rule_count(version: InForce, rule: Rule, found: Found, *, in_meetings: bool) -> RuleCount:
    return RuleCount(
        definition=version.definition.name,
        version=version.definition.version,
        rule_id=rule.id,
        checked=found.checked,
        failed=len(found.failing_ids),
        failing_ids=found.failing_ids,
        text=f"{describe_rule(rule, 'en')} / {describe_rule(rule, 'ja')}",
        in_meetings=in_meetings,
        error=found.error,
    )


def _found(rule: Rule, results: Sequence[Any], *, checked: int, key: str) -> Found:
    from pipelines.rule_suite import expectations_of

    errors = [error for result in results if (error := _error(result)) is not None]
    if len(results) != (wanted := len(expectations_of(rule))):
        errors.append(f"{len(results)} of {wanted} expectations gave a result")
    failing = {str(row[key]) for result in results for row in result.result.get("unexpected_index_list") or ()}
    return Found(checked, tuple(sorted(failing)), "; ".join(dict.fromkeys(errors)) or None)


def _error(result: Any) -> str | None:
    """Give the message of what broke. Great Expectations keeps it flat, or once per metric that could not be computed."""
    information = result.exception_info or {}
    kept = [information] if "raised_exception" in information else list(information.values())
    messages = [entry["exception_message"] for entry in kept if entry["raised_exception"]]
    return "; ".join(dict.fromkeys(messages)) or None


def _outcomes_by_sql(connection: sa.Connection, count: RuleCount) -> dict[str, str]:
    table, mine = meeting_rule_results, list[sa.ColumnElement[bool]]()
    record_id = meeting_rule_results.c.meeting_id
    if not count.in_meetings:
        table, record_id = rule_results, rule_results.c.record_id
        mine = [rule_results.c.definition == count.definition]
    of_rule = sa.and_(*mine, table.c.definition_version == count.version, table.c.rule_id == count.rule_id)
    rows = connection.execute(sa.select(record_id.label("record_id"), table.c.outcome).where(of_rule))
    return {row.record_id: row.outcome for row in rows}


def _shown(record_ids: set[str]) -> str:
    shown = sorted(record_ids)[:SHOWN_IDS]
    more = f" and {len(record_ids) - SHOWN_IDS} more" if len(record_ids) > SHOWN_IDS else ""
    return (", ".join(shown) or "none") + more
