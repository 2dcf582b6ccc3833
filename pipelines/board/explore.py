"""Which numbers and records does the page carry, so that a reader can filter them and open a rep's own page without a server?

Everything here goes into one JSON block of the page: positions instead of repeated names, words in both languages.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from markupsafe import Markup

from definitions_contract.periods import months_before
from definitions_contract.schema import Agreement
from pipelines.board import formats
from pipelines.board.labels import PARTS, VERDICTS
from pipelines.board.names import Names, chip, link
from pipelines.board.rows import TREND_MONTHS, Facts
from pipelines.board.shrinkage import SHRUNK_KINDS, are_counts_different, rate_shrinkage, rep_sums
from pipelines.board.words import WORDS, Text, look_up

PAGE_WORDS = (
    *("rep", "team", "lead_source", "response_method", "month", "all", "total", "held", "verdict", "why", "meeting"),
    *("until", "awaited", "actual", "target", "no_meetings", "no_pending", "shown_of", "open_rep"),
    *("months_3", "months_12", "noise_order", "fails", "waits_for", "reason_given"),
)
# Characters that could end the script element or a line of it; inside JSON they may be written as escapes.
ESCAPES = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})


@dataclass
class _Index:
    """Things in the order in which they were first met, and the place of each."""

    known: dict[str, tuple[int, Text]] = field(default_factory=dict)

    def place(self, key: str, text: Text) -> int:
        return self.known.setdefault(key, (len(self.known), text))[0]

    def listed(self) -> list[list[str]]:
        return [[key, text.ja, text.en] for key, (_, text) in self.known.items()]


def explore_data(facts: Facts, agreement: Agreement, names: Names) -> Markup:
    """Write the page's data as JSON that is safe inside a script element."""
    text = json.dumps(_payload(facts, agreement, names), ensure_ascii=False, separators=(",", ":"))
    return Markup(text.translate(ESCAPES))  # noqa: S704 - escaped for its place above


def _payload(facts: Facts, agreement: Agreement, names: Names) -> dict[str, Any]:
    compared = facts.focus.compared
    lists = {name: _Index() for name in ("rep", "team", "lead_source", "response_method", "rule", "reason", "day")}
    months = [months_before(facts.focus.month, back) for back in range(TREND_MONTHS)]
    numbers = _numbers(facts, names, compared, lists, months)
    records = [_meeting(row, facts, agreement, names, lists) for row in facts.own_meetings]
    money = formats.money(0, names.currency)
    return {
        "words": {name: _pair(WORDS[name]) for name in PAGE_WORDS},
        "months": [_pair(formats.period("month", one, months_before(one, -1))) for one in months],
        "measures": [_kpi(kpi_id, names, facts) for kpi_id in compared],
        "lists": {name: index.listed() for name, index in lists.items()},
        "verdicts": [[key, *_pair(text)] for key, text in VERDICTS.items()],
        "money": [money.ja, money.en],
        "facts": numbers,
        "meetings": records,
        "own": _own(facts, names, compared),
    }


def _pair(text: Text) -> list[str]:
    return [text.ja, text.en]


def _numbers(
    facts: Facts, names: Names, compared: tuple[str, ...], lists: Mapping[str, _Index], months: list[date]
) -> list[list[float]]:
    """Sums by month, rep, team, source and method: the places of these, then numerator and denominator of each KPI."""
    sums: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0] * (2 * len(compared)))
    back = {month: place for place, month in enumerate(months)}
    for row in facts.cells:
        total = sums[(back[row["month_start"]], *_places(row, names, lists))]
        at = 2 * compared.index(row["kpi_id"])
        total[at] += _short(row["numerator"])
        total[at + 1] += _short(row["denominator"])
    return [[*key, *total] for key, total in sums.items()]


def _places(row: Mapping[str, Any], names: Names, lists: Mapping[str, _Index]) -> tuple[int, ...]:
    rep, team = row["rep_id"] or "unknown", row["team"] or "unknown"
    source, method = row["lead_source"] or "unknown", row["response_method"] or "unknown"
    return (
        lists["rep"].place(rep, names.rep(rep)),
        lists["team"].place(team, names.scope("team", team)),
        lists["lead_source"].place(source, names.part("lead_source", source)),
        lists["response_method"].place(method, names.part("response_method", method)),
    )


def _short(value: Any) -> float:
    number = float(value or 0)
    return int(number) if number.is_integer() else number


def _kpi(kpi_id: str, names: Names, facts: Facts) -> dict[str, Any]:
    """A KPI's label, unit, how it is made, and how much a rep's own rate is drawn to the common one."""
    kind = names.kpis[kpi_id].kind
    is_shrunk = kind in SHRUNK_KINDS
    groups = rep_sums(facts.cells, kpi_id)
    shrinkage = rate_shrinkage(groups) if is_shrunk else None
    return {
        "id": kpi_id,
        "label": _pair(names.kpi(kpi_id)),
        "unit": names.unit(kpi_id),
        "divided": kind in {"rate", "mean"},
        "strength": round(shrinkage.strength, 2) if shrinkage else None,
        "real": shrinkage.is_real if shrinkage else are_counts_different([hits for hits, _ in groups]),
    }


def _meeting(
    row: Mapping[str, Any], facts: Facts, agreement: Agreement, names: Names, lists: Mapping[str, _Index]
) -> list[Any]:
    """One meeting: id, address, places, verdict, and why."""
    labels = {rule.id: Text(rule.label.ja, rule.label.en) for one in agreement.definitions for rule in one.rules}
    counted = row["counted_date"]
    back = (facts.focus.month.year - counted.year) * 12 + facts.focus.month.month - counted.month
    address = link(row["meeting_id"], row["crm_url"]).url
    reason = row["reject_reason"]
    return [
        row["meeting_id"],
        address or "",
        back,
        *_places(row, names, lists),
        list(VERDICTS).index(row["verdict"]) if row["verdict"] in VERDICTS else 1,
        _day(counted, lists["day"]),
        [lists["rule"].place(rule, look_up(labels, rule)) for rule in _split(row["failed_rules"])],
        [lists["rule"].place(rule, look_up(labels, rule)) for rule in _split(row["waiting_rules"])],
        _day(row["pending_until_date"], lists["day"]),
        lists["reason"].place(reason, look_up(PARTS, reason)) if reason else -1,
    ]


def _split(ids: str | None) -> Iterable[str]:
    return [one for one in (ids or "").split(",") if one]


def _day(value: date | None, index: _Index) -> int:
    return -1 if value is None else index.place(value.isoformat(), formats.short_day(value))


def _own(facts: Facts, names: Names, compared: tuple[str, ...]) -> dict[str, list[Any]]:
    """Each rep's own targets and states of the month, by the place of the KPI."""
    states = {
        (row["scope_id"], row["kpi_id"]): row["state"]
        for row in facts.divergence
        if row["scope_kind"] == "rep" and row["period_start"] == facts.focus.month
    }
    own: dict[str, list[Any]] = defaultdict(list)
    for row in facts.rep_periods:
        if row["kpi_id"] in compared and row["target"] is not None:
            kpi_id = row["kpi_id"]
            state = chip(states.get((row["scope_id"], kpi_id)) or row["status"])
            target = names.figure(kpi_id, row["target"])
            own[row["scope_id"]].append(
                [compared.index(kpi_id), _pair(target), state.id, state.icon, *_pair(state.label)]
            )
    return dict(own)
