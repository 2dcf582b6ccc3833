"""What is proposed for each alert, with its figures and in words: act, propose another target, or wait for a sign?"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.schema import Kpi
from models.context import BuildContext
from models.kpi.changes import NEGATED
from models.kpi.daily_history import kpis_by_id, read_calendar, read_weights
from models.kpi.lever_words import lever_words
from models.statistics.proposals import Matter, Proposal, propose
from models.tables import causes, changes, divergence, reps

SIGN_BUSINESS_DAYS = 5  # a week: the next sign to look for
MEMORY_DAYS = 40  # an alert's newest judgement may be so old: nights without trust hold it
OVER = ("resolved", "closed")
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tonight:
    """The newest evaluations and causes, and the days ahead."""

    kpis: Mapping[str, Kpi]
    states: Mapping[Key, Any]
    evidence: Mapping[Key, str]
    changes: Mapping[Key, Any]
    weights: Mapping[str, Mapping[date, float]]
    business_days: tuple[date, ...]
    names: Mapping[str, str]

    def sign_date(self, day: date) -> date:
        """Give the business day, a week ahead, on which the next sign should be seen."""
        ahead = self.business_days[bisect_right(self.business_days, day) :]
        return ahead[SIGN_BUSINESS_DAYS - 1] if len(ahead) >= SIGN_BUSINESS_DAYS else day


def read_tonight(connection: Connection, context: BuildContext) -> Tonight:
    """Read what proposals are made of."""
    recent = context.as_of - timedelta(days=MEMORY_DAYS)
    is_now = divergence.c.evaluated_date.between(recent, context.as_of)
    first = causes.c.evaluated_date.between(recent, context.as_of) & (causes.c["rank"] == 1)
    seen = select(changes).where(changes.c.evaluated_date <= context.as_of).order_by(changes.c.evaluated_date)
    return Tonight(
        kpis=kpis_by_id(context.agreement),
        states={_key(row): row for row in connection.execute(select(divergence).where(is_now)).all()},
        evidence={_key(row): row.evidence for row in connection.execute(select(causes).where(first)).all()},
        changes={
            (row.scope_kind, row.scope_id, row.kpi_id, row.split, row.part): row
            for row in connection.execute(seen).all()
        },
        weights=read_weights(connection),
        business_days=tuple(row.day for row in read_calendar(connection) if row.is_business_day),
        names={row.rep_id: row.name for row in connection.execute(select(reps.c.rep_id, reps.c.name))},
    )


def with_target_proposal(row: dict[str, Any], tonight: Tonight) -> dict[str, Any]:
    """Add evidence and proposal to the row of a target's alert."""
    key = tuple(
        row[name] for name in ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id", "evaluated_date")
    )
    state = tonight.states.get(key)
    full = row | _nothing() | {"evidence": tonight.evidence.get(key)}
    if row["state"] in OVER or state is None or state.actual is None or state.forecast is None:
        return full
    matter = Matter(
        is_ahead=row["divergence_state"] == "ahead",
        cause=row["cause"],
        actual=state.actual,
        expected=state.expected_to_date,
        target=state.target,
        forecast=state.forecast,
        evidence=state.evidence_score,
        due_next=_due(state, tonight),
        sign_date=min(tonight.sign_date(state.evaluated_date), state.period_end - timedelta(days=1)),
        period_end=state.period_end - timedelta(days=1),
    )
    return full | _words(propose(matter), tonight.kpis[row["kpi_id"]], tonight)


def with_change_proposal(row: dict[str, Any], tonight: Tonight) -> dict[str, Any]:
    """Add figures, evidence and proposal to the row of a change."""
    seen = tonight.changes.get(_change_key(row))
    if seen is None:
        return row | _nothing() | {"gap": None, "evidence": None}
    full = row | _nothing() | {"gap": _change_gap(seen), "evidence": _change_evidence(seen)}
    if row["state"] in OVER:
        return full
    kpi, missing = tonight.kpis[row["kpi_id"]], seen.expected - seen.observed
    if seen.split == "definition":  # people asked for it: what is left is whether the target still fits
        now = Proposal(
            "reset_target", None, seen.observed / max(seen.cases, 1.0), tonight.sign_date(seen.evaluated_date)
        )
        return full | _words(now, kpi, tonight)
    if missing <= 0:
        return full | _words(
            Proposal("wait", None, seen.observed, tonight.sign_date(seen.evaluated_date)), kpi, tonight
        )
    return full | _words(Proposal("act", row["cause"], missing, tonight.sign_date(seen.evaluated_date)), kpi, tonight)


def _change_key(row: Mapping[str, Any]) -> Key:
    split, rest = str(row["cause"]).split(":", 1)
    whole = split == "funnel"
    part = row["scope_id"] if whole else rest.rsplit(":", 1)[0]
    return row["scope_kind"], row["scope_id"], row["kpi_id"], "team" if whole else split, part


def _change_gap(seen: Any) -> float:
    """Give the change in the KPI's own unit; of a KPI that should be low, more is positive."""
    gap = float(seen.observed - seen.expected)
    if seen.cases is None:
        return gap
    return (-gap if seen.kpi_id in NEGATED else gap) / max(float(seen.cases), 1.0)


def _change_evidence(seen: Any) -> str:
    days = f"in {seen.window_business_days} business days since {seen.since_date}"
    sure = f"({seen.score:+.1f} standard errors)"
    if seen.cases is None:
        return f"{seen.observed:,.0f} {days}, {seen.expected:,.0f} by the own past {sure}."
    what = "took place" if seen.kpi_id in NEGATED else "counted"
    cases = max(float(seen.cases), 1.0)
    now, past = seen.observed / cases, seen.expected / cases
    return f"{seen.observed:,.0f} of {cases:,.0f} {what} {days} ({now:.0%}), {past:.0%} in the own past {sure}."


def _nothing() -> dict[str, Any]:
    names = ("proposal", "proposal_lever", "proposal_value", "proposal_date", "proposal_ja", "proposal_en")
    return dict.fromkeys(names)


def _key(row: Any) -> Key:
    return row.kpi_id, row.period_kind, row.period_start, row.scope_kind, row.scope_id, row.evaluated_date


def _due(state: Any, tonight: Tonight) -> float:
    """Give what is due by the sign's date."""
    kpi = tonight.kpis[state.kpi_id]
    if kpi.denominator is not None:
        return float(state.target)
    inside = {
        day: weight
        for day, weight in tonight.weights.get(kpi.id, {}).items()
        if state.period_start <= day < state.period_end
    }
    sign = tonight.sign_date(state.evaluated_date)
    gone = sum(weight for day, weight in inside.items() if day <= sign)
    total = sum(inside.values())
    return float(state.target * gone / total) if total > 0 else float(state.target)


def _words(proposal: Proposal, kpi: Kpi, tonight: Tonight) -> dict[str, Any]:
    value = f"{proposal.value:.1%}" if kpi.unit == "fraction" and proposal.value <= 1 else f"{proposal.value:,.0f}"
    lever_ja, lever_en = lever_words(proposal.lever, tonight.kpis, tonight.names) if proposal.lever else ("", "")
    ja, en = {
        "act": (
            f"{lever_ja}に対処してください。{proposal.by:%m/%d}までにあと{value}必要です。",
            f"Act on {lever_en}: {value} more needed by {proposal.by}.",
        ),
        "reset_target": (
            f"現在の水準は月{value}です。目標の見直しを各部署で検討してください。",
            f"The present level is {value} a period: review the target with all departments.",
        ),
        "wait": (
            f"様子を見てください。{proposal.by:%m/%d}までに{value}に達していれば順調です。",
            f"Wait: {value} should be seen by {proposal.by}.",
        ),
    }[proposal.choice]
    return {
        "proposal": proposal.choice,
        "proposal_lever": proposal.lever,
        "proposal_value": proposal.value,
        "proposal_date": proposal.by,
        "proposal_ja": ja,
        "proposal_en": en,
    }
