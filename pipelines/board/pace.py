"""How does the month run, day by day, against what is due?"""

from dataclasses import dataclass
from typing import Any

from definitions_contract.periods import calendar_of
from definitions_contract.schema import Agreement
from pipelines.board import formats
from pipelines.board.charts import NARROW, WIDE, Landing, PaceChart, PaceDay, pace_chart
from pipelines.board.names import Names
from pipelines.board.rows import Facts
from pipelines.board.words import WORDS, Text


@dataclass(frozen=True, slots=True)
class PaceRow:
    """One day of the pace chart's table."""

    day: Text
    expected: Text
    actual: Text


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace chart for a wide and a narrow screen, and its numbers."""

    caption: Text
    charts: tuple[PaceChart, ...]
    holidays: tuple[tuple[Text, Text], ...]
    rows: tuple[PaceRow, ...]
    now: Text
    target_label: Text
    landing_label: Text


def pace_of(facts: Facts, agreement: Agreement, names: Names, now: dict[str, Any]) -> Pace:
    """Lay out the month's pace; `now` is where the current KPI stands."""
    focus = facts.focus
    calendar = calendar_of(agreement.team)
    days = _pace_days(facts, names, now["target"])
    landing = None
    if now["forecast"] is not None and now["forecast_lower"] is not None and now["forecast_upper"] is not None:
        landing = Landing(now["forecast_lower"], now["forecast"], now["forecast_upper"])
    return Pace(
        caption=WORDS["pace_caption"].fill(kpi=names.kpi(focus.kpi_id)),
        charts=tuple(pace_chart(days, now["target"], landing, size) for size in (WIDE, NARROW)),
        holidays=tuple(
            (
                formats.short_day(row["day"]),
                Text(row["holiday"], calendar.holiday_in_english(row["day"]) or row["holiday"]),
            )
            for row in facts.days
            if row["holiday"]
        ),
        rows=tuple(
            PaceRow(
                day=formats.short_day(row["day"]),
                expected=names.figure(focus.kpi_id, day.expected, digits=1),
                actual=names.figure(focus.kpi_id, day.actual),
            )
            for row, day in zip(facts.days, days, strict=True)
        ),
        now=names.figure(focus.kpi_id, _last_total(days)),
        target_label=_labelled("target", names.figure(focus.kpi_id, now["target"])),
        landing_label=_labelled("forecast", names.figure(focus.kpi_id, now["forecast"])),
    )


def _labelled(word: str, value: Text) -> Text:
    return Text("{word} {value}", "{word} {value}").fill(word=WORDS[word], value=value)


def _last_total(days: tuple[PaceDay, ...]) -> float | None:
    """Give the newest running total."""
    known = [day.actual for day in days if day.actual is not None]
    return known[-1] if known else None


def _pace_days(facts: Facts, names: Names, target: float | None) -> tuple[PaceDay, ...]:
    counted = {row["counted_date"]: row for row in facts.daily}
    weights = {row["day"]: row["weight"] for row in facts.weights}
    kpi = names.kpis.get(facts.focus.kpi_id)
    is_rate = kpi is not None and kpi.kind in {"rate", "mean"}
    whole = sum(weights.values())
    numerator = denominator = due = 0.0
    days = []
    for row in facts.days:
        day = row["day"]
        found = counted.get(day)
        numerator += float(found["numerator"] or 0) if found else 0.0
        denominator += float(found["denominator"] or 0) if found else 0.0
        due += weights.get(day, 0.0)
        total = (numerator / denominator if denominator else None) if is_rate else numerator
        share = 1.0 if is_rate else due / whole if whole else None
        days.append(
            PaceDay(
                label=str(day.day),
                is_off=not row["business_day"],
                is_labelled=day.weekday() == 0 or (day.day == 1 and day.weekday() < 5),
                holiday=row["holiday"],
                expected=None if target is None or share is None else target * share,
                actual=total if day <= facts.focus.as_of else None,
            )
        )
    return tuple(days)
