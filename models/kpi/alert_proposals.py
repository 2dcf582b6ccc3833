"""What is proposed for each alert, with its figures and in words: act, propose another target, or wait for a sign?"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.schema import Kpi
from models.context import BuildContext
from models.kpi.changes import NEGATED, in_unit
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
        is_level=tonight.kpis[row["kpi_id"]].denominator is not None,
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
    return full | _words(_propose_for_change(seen, row["cause"], tonight), tonight.kpis[row["kpi_id"]], tonight)


def _propose_for_change(seen: Any, cause: str, tonight: Tonight) -> Proposal:
    by, now, past = tonight.sign_date(seen.evaluated_date), _in_unit(seen, seen.observed), _in_unit(seen, seen.expected)
    if seen.split == "definition":  # people asked for it: what is left is whether the target still fits
        return Proposal("reset_target", None, now, by)
    if seen.observed >= seen.expected:
        return Proposal("wait", None, now, by)
    return Proposal("act", cause, past - now if seen.cases is None else past, by)


def _change_key(row: Mapping[str, Any]) -> Key:
    split, rest = str(row["cause"]).split(":", 1)
    whole = split == "funnel"
    part = row["scope_id"] if whole else rest.rsplit(":", 1)[0]
    return row["scope_kind"], row["scope_id"], row["kpi_id"], "team" if whole else split, part


def _change_gap(seen: Any) -> float:
    """Give the change in the KPI's own unit; of a KPI that should be low, more is positive."""
    return _in_unit(seen, seen.observed) - _in_unit(seen, seen.expected)


def _in_unit(seen: Any, hits: float) -> float:
    return in_unit(seen.kpi_id, hits, seen.cases)


def _change_evidence(seen: Any) -> str:
    days = f"in {seen.window_business_days} business days since {seen.since_date}"
    score = -seen.score if seen.kpi_id in NEGATED else seen.score
    sure = f"({score:+.1f} standard errors)"
    if seen.cases is None:
        return f"{seen.observed:,.0f} {days}, {seen.expected:,.0f} by the own past {sure}."
    cases, now, past = max(float(seen.cases), 1.0), _in_unit(seen, seen.observed), _in_unit(seen, seen.expected)
    return f"{now * cases:,.0f} of {cases:,.0f} counted {days} ({now:.0%}), {past:.0%} in the own past {sure}."


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
    value = f"{proposal.value:.1%}" if kpi.unit == "fraction" else f"{proposal.value:,.0f}"
    lever_ja, lever_en = lever_words(proposal.lever, tonight.kpis, tonight.names) if proposal.lever else ("", "")
    choice = "act_on_level" if proposal.choice == "act" and kpi.denominator is not None else proposal.choice
    ja, en = {
        "act": (
            f"{lever_ja}に対処してください。{proposal.by:%m/%d}までにあと{value}必要です。",
            f"Act on {lever_en}: {value} more needed by {proposal.by}.",
        ),
        "act_on_level": (
            f"{lever_ja}に対処してください。目安は{proposal.by:%m/%d}までに{value}です。",
            f"Act on {lever_en}: {value} should be seen by {proposal.by}.",
        ),
        "reset_target": (
            f"現在の水準は月{value}です。目標の見直しを各部署で検討してください。",
            f"The present level is {value} a period: review the target with all departments.",
        ),
        "wait": (
            f"様子を見てください。{proposal.by:%m/%d}までに{value}に達していれば順調です。",
            f"Wait: {value} should be seen by {proposal.by}.",
        ),
    }[choice]
    return {
        "proposal": proposal.choice,
        "proposal_lever": proposal.lever,
        "proposal_value": proposal.value,
        "proposal_date": proposal.by,
        "proposal_ja": ja,
        "proposal_en": en,
    }
