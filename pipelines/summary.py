"""The state of things on a terminal: phase, KPI against target, alerts with causes, tables, where to look. One language at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from rich.console import Console

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from definitions_contract.words import Lang
from models.statistics.gate import Proposal
from models.tables import alerts, causes, divergence, kpi_periods, phase_status, reps, sync_runs
from pipelines.board.formats import probability, short_amount
from pipelines.board.labels import EFFECTS, PROPOSALS, SPLITS, STATES
from pipelines.board.names import Names, names_of
from pipelines.board.words import Text, look_up
from pipelines.publish import DATABASE_NAME, published_tables
from pipelines.reading import published
from pipelines.settings import Settings
from pipelines.terminal import a_table, say

STATE_STYLE = {"ahead": "green", "on_track": "green", "at_risk": "yellow", "off": "red", "untrusted": "magenta"}
COLUMNS = ("KPI", "actual", "expected", "target", "forecast", "chance", "state")
SHOWN = ("kpi_id", "period_start", "period_end", "scope_kind", "scope_id", "actual", "expected_to_date", "target",
         "forecast_lower", "forecast", "forecast_upper", "p_reach", "state", "reason", "definition_version")  # fmt: skip
WORDS: Mapping[str, Text] = {
    "KPI": Text("KPI", "KPI"),
    "actual": Text("実績", "Actual"),
    "expected": Text("期待値", "Expected"),
    "target": Text("目標", "Target"),
    "forecast": Text("着地90%", "90 % range"),
    "chance": Text("確率", "Chance"),
    "state": Text("状態", "State"),
    "no_target": Text(
        "署名された今月の目標がまだありません。実績はボードにあります。目標の案は `kpi plan --write`、書き方は docs/guides/planning.md",
        "No KPI has a signed target for this month yet; the board shows what was counted. "
        "`kpi plan --write` proposes targets: docs/guides/planning.md",
    ),
    "since": Text("{day} から", "since {day}"),
    "this_month": Text("{whose}・今月", "{whose}, this month"),
    "alerts": Text("アラート {count} 件", "Alerts: {count}"),
    "gap": Text("差 {gap}・{day} から", "gap {gap} since {day}"),
    "cause": Text("原因: {what}({effect}) {share}、全体 {gap}", "cause: {what} ({effect}) {share} of {gap}"),
    "tables": Text(
        "表 {count}、集計日 {day}、取得 {read} UTC", "Tables: {count}, numbers up to {day}, sources read {read} UTC"
    ),
    "rows": Text("{schema} {count} 行", "{schema} {count} rows"),
    "board": Text("ボード", "Board"),
    "database": Text("データベース", "Database"),
    "dagster": Text("`kpi up` のあと http://127.0.0.1:3000", "run `kpi up`, then open http://127.0.0.1:3000"),
}


def print_summary(console: Console, settings: Settings, lang: Lang = "en", *, is_quiet: bool = False) -> None:
    """Print what the published copy says, and where it is. Raises NothingPublishedError before the first night."""
    agreement = load_agreement(settings.agreement_folder)
    with published(settings) as connection:
        names = names_of(
            agreement, {row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name))}
        )
        _print_phase(console, connection, agreement, names, lang)
        if is_quiet:
            return
        _print_alerts(console, connection, names, lang)
        _print_counts(console, connection, lang)
    console.print()
    for key, where in (("board", settings.published / "board.html"), ("database", settings.published / DATABASE_NAME)):
        say(console, f"{_in(WORDS[key], lang)}: {where}")
    say(console, f"Dagster: {_in(WORDS['dagster'], lang)}")


def standings(settings: Settings) -> list[dict[str, Any]]:
    """Give tonight's evaluations of every scope and open period, for another program; reps by name, too."""
    newest = sa.select(sa.func.max(divergence.c.evaluated_date)).scalar_subquery()
    name = sa.case((divergence.c.scope_kind == "rep", reps.c.name), else_=divergence.c.scope_id).label("scope_name")
    rows = (
        sa.select(divergence.c.evaluated_date, divergence.c.period_kind, name, *(divergence.c[one] for one in SHOWN))
        .join_from(divergence, reps, reps.c.rep_id == divergence.c.scope_id, isouter=True)
        .where(divergence.c.evaluated_date == newest)
        .order_by(divergence.c.period_kind, divergence.c.scope_kind, divergence.c.scope_id, divergence.c.kpi_id)
    )
    with published(settings) as connection:
        return [dict(row) for row in connection.execute(rows).mappings()]


def _in(text: Text, lang: Lang) -> str:
    return text.ja if lang == "ja" else text.en


def _print_phase(console: Console, connection: sa.Connection, agreement: Agreement, names: Names, lang: Lang) -> None:
    phases = agreement.phases
    phase = next(phase for phase in phases.phases if phase.id == phases.current_phase)
    since = _in(WORDS["since"].fill(day=phases.since.isoformat()), lang)
    say(console, f"\n[bold]{getattr(phase.label, lang)}[/bold] {since}: {_in(names.kpi(phases.current_kpi), lang)}")
    _print_review(console, connection, lang)
    evaluations = _evaluations(connection, phases.department)
    if not evaluations:
        say(console, _in(WORDS["no_target"], lang))
        return
    whose = names.scope("department", phases.department)
    headings = [_in(WORDS[one], lang) for one in COLUMNS]
    table = a_table(*headings, right=headings[1:6], title=_in(WORDS["this_month"].fill(whose=whose), lang))
    for row in evaluations:
        style = STATE_STYLE.get(row["state"], "")
        state = _in(look_up(STATES, row["state"]), lang)
        table.add_row(
            _in(names.kpi(row["kpi_id"]), lang),
            *(_short(names, row, key, lang) for key in ("actual", "expected_to_date", "target")),
            f"{_short(names, row, 'forecast_lower', lang)}–{_short(names, row, 'forecast_upper', lang)}",
            probability(row["p_reach"]).en.replace(
                " ", ""
            ),  # the narrow form: in Japanese the table fills its 80 columns
            f"[{style}]{state}[/{style}]" if style else state,
        )
    console.print(table)


def _print_review(console: Console, connection: sa.Connection, lang: Lang) -> None:
    """Say that the newest evaluation of the gate proposes something; while everything stays it says nothing."""
    c = phase_status.c
    proposal = connection.execute(sa.select(c.proposal).order_by(c.evaluated_date.desc()).limit(1)).scalar()
    if proposal is not None and proposal != Proposal.STAY:
        say(console, f"{_in(look_up(PROPOSALS, proposal), lang)}: `kpi review`")


def _evaluations(connection: sa.Connection, department: str) -> Sequence[Mapping[Any, Any]]:
    newest = sa.select(sa.func.max(divergence.c.evaluated_date)).scalar_subquery()
    rows = (
        sa.select(divergence)
        .where(
            divergence.c.evaluated_date == newest,
            divergence.c.scope_kind == "department",
            divergence.c.scope_id == department,
            divergence.c.period_kind == "month",
        )
        .order_by(divergence.c.kpi_id)
    )
    return connection.execute(rows).mappings().all()


def _print_alerts(console: Console, connection: sa.Connection, names: Names, lang: Lang) -> None:
    open_alerts = (
        sa.select(alerts)
        .where(alerts.c.state.in_(["open", "acknowledged", "snoozed"]), alerts.c.silenced_by.is_(None))
        .order_by(alerts.c.opened_date, alerts.c.alert_id)
    )
    rows = connection.execute(open_alerts).mappings().all()
    console.print(f"\n[bold]{_in(WORDS['alerts'].fill(count=len(rows)), lang)}[/bold]")
    for row in rows:
        state = _in(look_up(STATES, row["divergence_state"]), lang)
        gap = _in(WORDS["gap"].fill(gap=names.gap(row["kpi_id"], row["gap"]), day=str(row["opened_date"])), lang)
        whose = _in(names.scope(row["scope_kind"], row["scope_id"]), lang)
        console.print(
            f"  {_in(names.kpi(row['kpi_id']), lang)} · {whose} · [bold]{state}[/bold] · {gap}", highlight=False
        )
        for cause in connection.execute(_significant_causes(row)).mappings():
            console.print(f"    {_in(_cause(cause, names), lang)}", highlight=False)


def _cause(cause: Mapping[Any, Any], names: Names) -> Text:
    part = names.part(cause["split"], cause["part"])
    split = look_up(SPLITS, cause["split"])
    is_step = cause["split"] == "funnel"
    return WORDS["cause"].fill(
        what=part if is_step else Text(f"{split.ja} {part.ja}", f"{split.en} {part.en}"),
        effect=look_up(EFFECTS, cause["effect"]),
        share=names.gap(cause["kpi_id"], cause["contribution"]),
        gap=names.gap(cause["kpi_id"], cause["gap"]),
    )


def _significant_causes(alert: Mapping[Any, Any]) -> sa.Select[Any]:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id", "evaluated_date")
    return (
        sa.select(causes)
        .where(causes.c.is_significant, *(causes.c[key] == alert[key] for key in keys))
        .order_by(causes.c["rank"])
        .limit(2)
    )


def _print_counts(console: Console, connection: sa.Connection, lang: Lang) -> None:
    """Tell how much there is in each schema; table by table it stands in Dagster and in the file itself."""
    rows: Counter[str] = Counter()
    for table in published_tables():
        rows[str(table.schema)] += connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    day = connection.execute(sa.select(sa.func.max(kpi_periods.c.as_of))).scalar_one_or_none()
    synced = connection.execute(sa.select(sa.func.max(sync_runs.c.extracted_at))).scalar_one_or_none()
    read = f"{synced:%Y-%m-%d %H:%M}" if synced else "–"
    heading = WORDS["tables"].fill(count=len(published_tables()), day=str(day), read=read)
    console.print(f"\n[bold]{_in(heading, lang)}[/bold]", highlight=False)
    each = (_in(WORDS["rows"].fill(schema=name, count=f"{count:,}"), lang) for name, count in rows.items())
    console.print("  " + " · ".join(each), highlight=False, style="dim")


def _short(names: Names, row: Mapping[Any, Any], key: str, lang: Lang) -> str:
    """Write a figure in as few signs as tell it: seven columns stand on 80."""
    value = row[key]
    if value is None:
        return "–"
    if names.unit(row["kpi_id"]) == "fraction":
        return f"{value:.1%}"
    if abs(value) >= 1e6:
        return _in(short_amount(value, 1), lang)
    is_whole = abs(value) >= 100 or value == int(value)
    return f"{value:,.0f}" if is_whole else f"{value:,.1f}"
