"""What is said about an alert: what, how far, how sure, why, what to do, and where to look. Fits a phone; no names of leads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from definitions_contract.schema import Agreement, Kpi
from models.kpi.lever_words import lever_words
from models.tables import alerts, causes, divergence, reps
from pipelines.alert_kinds import FIRST_STEPS, guide_to, kind_of, kind_of_data, lead_of
from pipelines.board.formats import probability
from pipelines.board.labels import STATES
from pipelines.board.names import Names, names_of
from pipelines.board.phrases import tell
from pipelines.board.words import look_up
from pipelines.terminal import to_copy

CHANGE_STATES = {
    "at_risk": ("水準の低下", "level has fallen"),
    "ahead": ("水準の上昇", "level has risen"),
    "on_track": ("水準の回復", "level is back"),
}
RISE_AND_FALL = {"at_risk": "ahead", "ahead": "at_risk"}
EVENTS = {
    "opened": ("新規", "new"),
    "worsened": ("悪化", "worse"),
    "reminded": ("保留が終わりました", "snooze over"),
    "resolved": ("解消", "resolved"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one event of one alert; `texts` holds title and body per language. `figures` are for the chart."""

    alert_id: str
    event: str
    event_date: date
    title: str
    body: str
    scope: tuple[str, str] = ("department", "")
    severity: str = "at_risk"
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    is_rate: bool = False

    def in_language(self, language: str) -> tuple[str, str]:
        """Give title and body; both languages together when asked for or when there is no other."""
        return self.texts.get(language, (self.title, self.body))


def state_words(alert: Mapping[Any, Any], kpi: Kpi | None) -> tuple[str, str]:
    """Say in both languages how an alert stands; a change for the worse is a rise of a KPI that should be low."""
    state = str(alert["divergence_state"])
    if alert["kind"] != "change":
        words = look_up(STATES, state)
        return words.ja, words.en
    is_lower_better = kpi is not None and kpi.better == "lower"
    way = RISE_AND_FALL.get(state, state) if is_lower_better else state
    return CHANGE_STATES.get(way, (way, way))


def due_messages(
    connection: sa.Connection, agreement: Agreement, as_of: date, *, link: str | None = None
) -> list[Message]:
    """Build the messages of alerts that opened, worsened or resolved on the night `as_of` and are not silenced."""
    due = sa.select(alerts).where(alerts.c.notified_date == as_of).order_by(alerts.c.alert_id)
    rows = connection.execute(due).mappings().all()
    found = [
        alert_message(connection, agreement, row, as_of, event=_event(connection, row, as_of), link=link)
        for row in rows
    ]
    return [*data_messages(connection, agreement, as_of), *found]


def data_messages(connection: sa.Connection, agreement: Agreement, as_of: date) -> list[Message]:
    """Build the one message about a night whose numbers are not judged; none when the night before had the same reason."""
    reasons = (
        sa.select(divergence.c.evaluated_date, sa.func.min(divergence.c.reason).label("reason"))
        .where(divergence.c.state == "untrusted", divergence.c.evaluated_date <= as_of)
        .group_by(divergence.c.evaluated_date)
        .order_by(divergence.c.evaluated_date.desc())
        .limit(2)
    )
    rows = connection.execute(reasons).all()
    if not rows or rows[0].evaluated_date != as_of or not _is_new(connection, rows, as_of):
        return []
    reason = tell(rows[0].reason, names_of(agreement, {}).ids)
    kind = kind_of_data(rows[0].reason)
    step, guide = FIRST_STEPS[kind].fill(kpi=to_copy()), guide_to(kind)
    ja = (
        "データ確認が必要です",
        f"{as_of} の数値は判定していません。KPIアラートは保留中です。\n理由: {reason.ja}\n→ {step.ja}\n手順: {guide}",
    )
    en = (
        "Data need a look",
        f"Numbers of {as_of} are not judged; KPI alerts are held back.\nWhy: {reason.en}\n→ {step.en}\nWhat to do: {guide}",
    )
    return [_message(f"data:{as_of}", "opened", as_of, {"ja": ja, "en": en}, ("data", "data"), "data", {})]


def alert_message(
    connection: sa.Connection,
    agreement: Agreement,
    alert: Mapping[Any, Any],
    as_of: date,
    *,
    event: str,
    link: str | None = None,
) -> Message:
    """Build the message about an event of an alert."""
    kpi = next(kpi for kpi in agreement.kpis.kpis if kpi.id == alert["kpi_id"])
    is_change = alert["kind"] == "change"
    state: Mapping[Any, Any] = {}
    cause: Any = None
    if not is_change:
        state = connection.execute(_same_evaluation(divergence, alert, as_of)).mappings().first() or {}
        cause = connection.execute(_first_cause(alert, as_of)).mappings().first()
    words = state_words(alert, kpi)
    names = names_of(
        agreement, {row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name))}
    )
    label = names.scope(str(alert["scope_kind"]), str(alert["scope_id"]))
    scope = (label.ja, label.en)
    why = _why(alert, cause, names)
    guide = guide_to(kind_of(alert))
    figures, lead = _figures(kpi, state), lead_of(alert, names)
    texts = {}
    for index, language in enumerate(("ja", "en")):
        kpi_label = getattr(kpi.label, language)
        event_word = EVENTS.get(event, (event, event))[index]
        lines = [
            figures[index],
            why[index],
            "→ " + str(alert[f"proposal_{language}"]) if alert[f"proposal_{language}"] else "",
            getattr(lead, language) if lead else "",
            f"{('手順', 'What to do')[index]}: {guide}",
            f"{event_word} {as_of.isoformat()} · {link or f'{to_copy()} explain alert ' + str(alert['alert_id'])}",
        ]
        texts[language] = (f"{kpi_label}: {words[index]} ({scope[index]})", "\n".join(line for line in lines if line))
    shown = ("actual", "expected_to_date", "forecast", "target")
    numbers = {key: float(state[key]) for key in shown if state.get(key) is not None}  # none at all is a figure, too
    severity = str(alert["divergence_state"])
    place = (str(alert["scope_kind"]), str(alert["scope_id"]))
    message = _message(str(alert["alert_id"]), event, as_of, texts, place, severity, numbers)
    return replace(message, is_rate=kpi.unit == "fraction")


def _message(
    alert_id: str,
    event: str,
    day: date,
    texts: Mapping[str, tuple[str, str]],
    scope: tuple[str, str],
    severity: str,
    figures: Mapping[str, float],
) -> Message:
    titles, bodies = zip(*texts.values(), strict=True)
    return Message(alert_id, event, day, " / ".join(titles), "\n\n".join(bodies), scope, severity, texts, figures)


def _is_new(connection: sa.Connection, rows: Any, as_of: date) -> bool:
    before = sa.select(sa.func.max(divergence.c.evaluated_date)).where(divergence.c.evaluated_date < as_of)
    last = connection.execute(before).scalar_one_or_none()
    return not (len(rows) > 1 and rows[1].evaluated_date == last and rows[1].reason == rows[0].reason)


def _event(connection: sa.Connection, alert: Mapping[Any, Any], as_of: date) -> str:
    if alert["resolved_date"] == as_of:
        return "resolved"
    is_worse = alert["worsened_date"] == as_of and alert["opened_date"] != as_of
    if alert["reminded_date"] == as_of and not is_worse:
        return "reminded"
    return "worsened" if is_worse or _is_known_story(connection, alert, as_of) else "opened"


def _is_known_story(connection: sa.Connection, alert: Mapping[Any, Any], as_of: date) -> bool:
    """Tell whether a milder alert of the same scope told the story before: people hear that it got worse, not a second story."""
    told = sa.select(alerts.c.alert_id).where(
        alerts.c.silenced_by == alert["alert_id"],
        alerts.c.scope_id == alert["scope_id"],
        alerts.c.notified_date < as_of,
    )
    return connection.execute(told.limit(1)).first() is not None


def _why(alert: Mapping[Any, Any], cause: Any, names: Names) -> tuple[str, str]:
    if cause is not None:
        named, evidence = f"{cause['split']}:{cause['part']}:{cause['effect']}", cause["evidence"]
    elif alert["kind"] == "change" and alert["cause"]:
        named, evidence = str(alert["cause"]), alert["evidence"]
    else:
        return "有意な原因なし", "No significant cause"
    ja, en = lever_words(named, names.kpis, names.reps)
    told = tell(evidence, names.ids)
    return f"原因: {ja}。{told.ja}", f"Cause: {en}. {told.en}"


def _figures(kpi: Kpi, state: Mapping[Any, Any]) -> tuple[str, str]:
    if not state:
        return "", ""
    values = [_number(kpi, state[key]) for key in ("actual", "expected_to_date", "target")]
    forecast = f"{_number(kpi, state['forecast_lower'])}-{_number(kpi, state['forecast_upper'])}"
    reach = probability(state["p_reach"])
    return (
        f"実績 {values[0]} / 期待 {values[1]} / 目標 {values[2]}、着地 {forecast}、達成確率 {reach.ja}",
        f"actual {values[0]} / expected {values[1]} / target {values[2]}, forecast {forecast}, chance to reach {reach.en}",
    )


def _number(kpi: Kpi, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if kpi.unit == "fraction" else f"{value:,.0f}"


def _same_evaluation(table: sa.Table, alert: Mapping[Any, Any], as_of: date) -> sa.Select[Any]:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    return sa.select(table).where(table.c.evaluated_date == as_of, *(table.c[key] == alert[key] for key in keys))


def _first_cause(alert: Mapping[Any, Any], as_of: date) -> sa.Select[Any]:
    return _same_evaluation(causes, alert, as_of).where(causes.c["rank"] == 1, causes.c.is_significant)
