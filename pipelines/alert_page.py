"""The explanation of an alert in words, in either language."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from definitions_contract.schema import Agreement
from definitions_contract.words import Lang
from models.kpi.changes import NEGATED, in_unit
from models.kpi.lever_words import lever_words
from models.statistics.change_life import MORE_FOR_GOOD_NEWS, THRESHOLDS
from pipelines.alert_kinds import FIRST_STEPS, guide_to, kind_of, lead_of
from pipelines.board.formats import number, percent, probability, signed
from pipelines.board.labels import ALERT_EVENTS, ALERT_STATES, CLOSED, EFFECTS, SPLITS, STATES
from pipelines.board.names import Names, names_of
from pipelines.board.phrases import tell
from pipelines.board.words import Text, look_up
from pipelines.explain_alert import AlertExplanation
from pipelines.messages import state_words
from pipelines.pages import Block, Bullets, Grid, Heading, Sentence, grid

Row = Mapping[Any, Any]

WORDS: Mapping[str, Text] = {
    "title": Text("{kpi}: {state}（{whose}）", "{kpi}: {state} ({whose})"),
    "handled": Text("対応: {state}", "Handled: {state}"),
    "handled_by": Text("対応: {state}（{by}: {why}）", "Handled: {state} ({by}: {why})"),
    "until": Text("{day} まで知らせません。", "Not sent before {day}."),
    "told_by": Text("このアラートが伝えています: {id}", "Told by {id}"),
    "cause": Text("原因: {cause}。{evidence}", "Cause: {cause}. {evidence}"),
    "no_cause": Text("有意な原因なし", "No significant cause"),
    "proposal": Text("提案: {proposal}", "Proposal: {proposal}"),
    "first_step": Text("最初にすること: {step}", "First step: {step}"),
    "guide": Text("手順: {guide}", "Guide: {guide}"),
    "nights": Text("夜ごとの判定", "Night by night"),
    "night": Text("夜", "Night"),
    "actual": Text("実績", "Actual"),
    "expected_to_date": Text("期待値", "Due"),
    "forecast": Text("着地予測", "Forecast"),
    "p_reach": Text("達成確率", "Chance"),
    "raw_state": Text("その夜だけの判定", "That night alone"),
    "state": Text("状態", "State"),
    "evidence_score": Text("証拠", "Evidence"),
    "definition_version": Text("定義の版", "Definition"),
    "rule_target": Text(
        "目標からのずれが標準誤差の {bar} 倍以上（先行は {more} 倍以上）になるか、進行中の水準の変化で説明できると発生します。"
        "状態は二晩続いてから変わります。",
        "It opens at {bar} standard errors from the target ({more} for good news), or when an open change explains it. "
        "States change after two nights.",
    ),
    "rule_change": Text(
        "どれかの系列が二晩続けてしきい値を超えると発生します。",
        "It opens when a series is beyond its threshold for two nights in a row.",
    ),
    "causes": Text("差の原因", "Causes of the gap"),
    "part": Text(
        "{rank}. {split} {part}（{effect}）: 全体 {gap} のうち {share}（{lower}〜{upper}）。{evidence}",
        "{rank}. {split} {part} ({effect}): {share} of {gap}, {lower} to {upper}. {evidence}",
    ),
    "series": Text("過去の自チームと違う系列", "Series that left their own past"),
    "what": Text("系列", "Series"),
    "score": Text("ずれ（標準誤差）", "Score"),
    "threshold": Text("しきい値", "Threshold"),
    "window": Text("営業日数", "Business days"),
    "observed": Text("件数", "Observed"),
    "expected": Text("過去の水準では", "By the own past"),
    "beside": Text("先月の同じ割合との差", "Against the same share of the last month"),
    "beside_sentence": Text("先月 {previous}、今月 {now}（{gap}）", "{previous} then, {now} now ({gap})"),
    "beside_noise": Text("偶然の範囲を超える部分はありません。", "No part of it is more than noise."),
    "history": Text("経過", "What happened"),
    "event": Text("{day} {event}", "{day} {event}"),
    "by": Text("{event}（{by}: {why}）", "{event} by {by}: {why}"),
}


def alert_page(found: AlertExplanation, agreement: Agreement, lang: Lang) -> list[Block]:
    """Write the page."""
    return [*_Page(names_of(agreement, found.reps), lang).blocks(found)]


class _Page:
    """The words of one page: whose names, which language."""

    def __init__(self, names: Names, lang: Lang) -> None:
        self._names, self._lang = names, lang

    def blocks(self, found: AlertExplanation) -> Iterator[Block]:
        """Give the page in order: what it is, what to do, how it came about, what became of it."""
        alert = found.alert
        yield Heading(self._title(alert), level=1)
        yield Sentence(alert["alert_id"])
        yield Bullets(tuple(self._summary(alert)))
        if found.series:
            yield Heading(self._word("series"))
            yield self._series(found.series)
            yield Sentence(self._word("rule_change"))
        if found.nights:
            yield Heading(self._word("nights"))
            yield self._nights(found.nights)
            bar = THRESHOLDS["target", "team"]
            yield Sentence(self._word("rule_target", bar=f"{bar:.1f}", more=f"{bar + MORE_FOR_GOOD_NEWS:.1f}"))
        if found.causes:
            yield Heading(self._word("causes"))
            yield Bullets(tuple(self._part(row) for row in found.causes))
        yield from self._beside(found.period_change)
        if found.history:
            yield Heading(self._word("history"))
            yield Bullets(tuple(self._event(row) for row in found.history))

    def _in(self, text: Text) -> str:
        return str(getattr(text, self._lang))

    def _word(self, key: str, **values: Text | str | int) -> str:
        return self._in(WORDS[key].fill(**values))

    def _title(self, alert: Row) -> str:
        state = Text(*state_words(alert, self._names.kpis.get(alert["kpi_id"])))
        whose = self._names.scope(alert["scope_kind"], alert["scope_id"])
        return self._word("title", kpi=self._names.kpi(alert["kpi_id"]), state=state, whose=whose)

    def _summary(self, alert: Row) -> Iterator[str]:
        state = look_up(ALERT_STATES, alert["state"])
        if alert["acknowledged_by"]:
            yield self._word(
                "handled_by", state=state, by=alert["acknowledged_by"], why=alert["acknowledged_why"] or "–"
            )
        else:
            yield self._word("handled", state=state)
        if alert["state"] == "snoozed":
            yield self._word("until", day=str(alert["snoozed_until_date"]))
        if alert["silenced_by"]:
            yield self._word("told_by", id=alert["silenced_by"])
        yield self._cause(alert)
        if alert["proposal"]:
            proposal = Text(alert["proposal_ja"], alert["proposal_en"])
            yield self._word("proposal", proposal=proposal)
        if (lead := lead_of(alert, self._names)) is not None:
            yield self._in(lead)
        kind = kind_of(alert)
        yield self._word("first_step", step=FIRST_STEPS[kind])
        yield self._word("guide", guide=guide_to(kind))

    def _cause(self, alert: Row) -> str:
        if not alert["cause"]:
            return self._word("no_cause")
        words = Text(*lever_words(alert["cause"], self._names.kpis, self._names.reps))
        return self._word("cause", cause=words, evidence=tell(alert["evidence"], self._names.ids))

    def _nights(self, rows: Sequence[Row]) -> Grid:
        names = ("actual", "expected_to_date", "forecast")
        heads = ("night", *names, "p_reach", "raw_state", "state", "evidence_score", "definition_version")
        lines = [
            [
                str(row["evaluated_date"]),
                *(self._in(self._names.figure(row["kpi_id"], row[name], digits=1)) for name in names),
                self._in(probability(row["p_reach"])),
                *(self._in(look_up(STATES, row[name])) for name in ("raw_state", "state")),
                self._score(row["evidence_score"]),
                row["definition_version"] or "–",
            ]
            for row in rows
        ]
        return grid([self._word(head) for head in heads], lines, figures=(1, 2, 3, 4, 7))

    def _series(self, rows: Sequence[Row]) -> Grid:
        heads = ("what", "score", "threshold", "window", "observed", "expected")
        return grid([self._word(head) for head in heads], [self._line(row) for row in rows], figures=range(1, 6))

    def _line(self, row: Row) -> list[str]:
        bar = THRESHOLDS[row["kind"], row["split"]] + (MORE_FOR_GOOD_NEWS if row["score"] > 0 else 0.0)
        kpi = self._in(self._names.kpi(row["kpi_id"]))
        what = kpi if row["split"] == "team" else f"{kpi} · {self._segment(row)}"
        figures = [
            number(value) if row["cases"] is None else percent(value)
            for value in (in_unit(row["kpi_id"], row[name], row["cases"]) for name in ("observed", "expected"))
        ]
        return [
            what,
            self._score(-row["score"] if row["kpi_id"] in NEGATED else row["score"]),
            self._in(number(bar, 1)),
            str(row["window_business_days"]),
            *map(self._in, figures),
        ]

    def _part(self, row: Row) -> str:
        kpi_id = row["kpi_id"]
        figures = {name: self._names.gap(kpi_id, row[name]) for name in ("gap", "lower", "upper")}
        return self._word(
            "part",
            rank=row["rank"],
            split=look_up(SPLITS, row["split"]),
            part=self._names.part(row["split"], row["part"]),
            effect=look_up(EFFECTS, row["effect"]),
            share=self._names.gap(kpi_id, row["contribution"]),
            evidence=tell(row["evidence"], self._names.ids),
            **figures,
        ).strip()

    def _beside(self, rows: Sequence[Row]) -> Iterator[Block]:
        if not rows:
            return
        kpi_id, previous, gap = rows[0]["kpi_id"], rows[0]["previous"], rows[0]["gap"]
        figures = {"previous": previous, "now": previous + gap}
        told = {name: self._names.figure(kpi_id, value, digits=1) for name, value in figures.items()}
        yield Heading(self._word("beside"))
        yield Sentence(self._word("beside_sentence", gap=self._names.gap(kpi_id, gap), **told))
        ranked = tuple(self._part(row) for row in rows if row["rank"] is not None)
        yield Bullets(ranked or (self._word("beside_noise"),))

    def _event(self, row: Row) -> str:
        event = self._word("event", day=str(row["event_date"]), event=look_up(ALERT_EVENTS, row["event"]))
        if row["by"]:
            return self._word("by", event=event, by=row["by"], why=row["detail"] or "–")
        if row["event"] == "opened" and row["detail"]:
            cause = Text(*lever_words(row["detail"], self._names.kpis, self._names.reps))
            return f"{event} → {self._in(cause)}"
        return f"{event} → {self._in(look_up(STATES | CLOSED, row['detail']))}" if row["detail"] else event

    def _segment(self, row: Row) -> str:
        split, part = look_up(SPLITS, row["split"]), self._names.part(row["split"], row["part"])
        return f"{self._in(split)} {self._in(part)}"

    def _score(self, value: float | None) -> str:
        return "–" if value is None else self._in(signed(number(value, 1), value))
