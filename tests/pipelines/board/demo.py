"""A warehouse for the board's tests: made-up rows of one team that agree with each other, and the demo company's agreement."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import holidays
import sqlalchemy as sa

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from models import tables as t
from tests.pipelines.board.demo_reviews import review_rows

AGREEMENT_FOLDER = Path(__file__).parents[3] / "definitions_contract" / "agreement"
AS_OF = date(2026, 11, 20)
BUILT_AT = datetime(2026, 11, 20, 17, 4, tzinfo=UTC)  # 02:04 of the next day in Tokyo
MONTH = date(2026, 11, 1)
FIRST_MONTH = date(2025, 12, 1)
VALID, TARGET = 71, 125
V2_SINCE = date(2026, 6, 1)
LIST_WENT_BAD = date(2026, 9, 28)
EAST = ("佐藤 美咲", "鈴木 翔太", "Emily Carter", "高橋 優子", "田中 健", "渡辺 彩", "中村 大輔")
WEST = ("小林 真由", "James Wilson", "山本 拓也", "井上 さくら", "松本 亮")
REPS = {f"hubspot:{101 + i}": (name, "is_east") for i, name in enumerate(EAST)} | {
    f"salesforce:005{i}": (name, "is_west") for i, name in enumerate(WEST)
}
SOURCES = ("web_form", "webinar", "referral", "trade_show", "purchased_list")
METHODS = ("call", "email", "form_reply", "event_follow_up")
RATES = {
    "valid_rate": ("valid", "judged"),
    "field_sales_acceptance": ("accepted", "answered"),
    "no_show_rate": ("missed", "due"),
}
COUNTS = {"meetings_booked": "booked", "meetings_held": "held", "valid_meetings": "valid"}
Row = dict[str, Any]


def load_demo_agreement() -> Agreement:
    return load_agreement(AGREEMENT_FOLDER)


def fill_warehouse(connection: sa.Connection) -> None:
    """Write a realistic month: stable phase, 71 of 125 valid meetings, a lead source that went bad."""
    meetings = _meetings()
    daily = [*_meeting_facts(meetings), *_call_facts(), *_deal_facts()]
    periods = _periods(daily)
    rows: dict[sa.Table, list[Row]] = {
        t.calendar: list(_calendar()),
        t.reps: [
            {"rep_id": rep, "name": name, "team": team, "department": "inside_sales"}
            for rep, (name, team) in REPS.items()
        ],
        t.meetings: [_core_meeting(one) for one in meetings if one["held_date"] >= date(2026, 10, 1)],
        t.meeting_verdicts: [_verdict(one) for one in meetings if one["held_date"] >= date(2026, 10, 1)],
        t.meeting_rule_results: [row for one in meetings if one["held_date"] >= MONTH for row in _rule_results(one)],
        t.kpi_daily: daily,
        t.kpi_periods: periods,
        t.stable_phase: _phase_rows(periods, "stable"),
        t.launch_phase: _phase_rows(periods, "launch"),
        t.mature_phase: _phase_rows(periods, "mature"),
        t.pace_weights: [
            {"kpi_id": "valid_meetings", "day": day, "weight": float(is_business(day)), "as_of": AS_OF}
            for day in _days(MONTH, date(2026, 12, 1))
        ],
        t.divergence: _divergence(),
        t.causes: _causes(meetings),
        t.period_changes: _period_changes(meetings),
        t.alerts: _alerts(),
        t.snapshots: _snapshots(periods),
        t.plan: _plan(),
        t.phase_status: _phase_status(),
    }
    rows |= review_rows(meetings) | _operations()
    for table, found in rows.items():
        insert_rows(connection, table, found)


def insert_rows(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    """Insert rows that may leave columns out."""
    names = table.columns.keys()
    connection.execute(table.insert(), [{name: row.get(name) for name in names} for row in rows])


def expected_to_date() -> float:
    days = list(_days(MONTH, date(2026, 12, 1)))
    return TARGET * sum(is_business(day) for day in days if day <= AS_OF) / sum(map(is_business, days))


def is_business(day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays()


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - made-up rows, the same each time


def _holidays() -> Any:
    return holidays.country_holidays("JP", years=(2025, 2026, 2027))


def _days(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=i) for i in range((end - start).days))


def _calendar() -> Iterator[Row]:
    free = _holidays()
    for day in _days(MONTH, date(2026, 12, 1)):
        yield {"day": day, "month_start": MONTH, "business_day": int(is_business(day)), "holiday": free.get(day)}


def _meetings() -> list[Row]:
    """Meetings by the day they were due, with what became of them; those of the current month are settled at VALID."""
    chance = _chance(7)
    made = []
    for day in filter(is_business, _days(FIRST_MONTH, AS_OF + timedelta(days=1))):
        for _ in range(chance.randint(10, 14)):
            made.append(_meeting(len(made), day, chance))
    current = [one for one in made if one["held_date"] >= MONTH and one["outcome"] == "held"]
    for one in current:
        valid = sum(_is_valid(other) for other in current)
        if valid > VALID and _is_valid(one) and one["lead_source"] == "purchased_list":
            one |= {"field_sales_feedback": "rejected", "reject_reason": "no_budget"}
        elif valid > VALID and _is_valid(one) and one["position"] % 2:
            one |= {"decision_maker_present": False}
        elif valid < VALID and not _is_valid(one) and not _is_pending(one):
            one |= {
                "field_sales_feedback": "accepted",
                "reject_reason": None,
                "decision_maker_present": True,
                "minutes": 30,
            }
    return made


def _meeting(position: int, day: date, chance: random.Random) -> Row:
    rep = chance.choice(list(REPS))
    source = chance.choices(SOURCES, (30, 18, 12, 15, 25))[0]
    is_bad = source == "purchased_list" and day >= LIST_WENT_BAD
    outcome = chance.choices(("held", "no_show", "cancelled"), (72, 15, 13))[0]
    feedback = (
        chance.choices(("accepted", "rejected"), (25, 75) if is_bad else (86, 14))[0] if outcome == "held" else None
    )
    if outcome == "held" and day > AS_OF - timedelta(days=6) and chance.random() < 0.4:
        feedback = None
    connection = rep.split(":")[0]
    return {
        "position": position,
        "meeting_id": f"{connection}:{7_000_000 + position}",
        "connection": connection,
        "crm_id": str(7_000_000 + position),
        "crm_url": f"http://127.0.0.1:4180/meetings/{7_000_000 + position}",
        "rep_id": rep,
        "team": REPS[rep][1],
        "lead_source": source,
        "response_method": chance.choices(METHODS, (55, 20, 15, 10))[0],
        "outcome": outcome,
        "field_sales_feedback": feedback,
        "reject_reason": chance.choice(("no_need", "no_budget", "wrong_contact")) if feedback == "rejected" else None,
        "decision_maker_present": chance.random() < 0.87,
        "minutes": chance.choice((10, 30, 30, 30, 45, 60)) if chance.random() < 0.2 else 30,
        "held_date": day,
        "booked_date": day - timedelta(days=7),
    }


def _is_pending(one: Row) -> bool:
    return one["outcome"] == "held" and one["field_sales_feedback"] is None


def _failed_rules(one: Row) -> list[str]:
    fails = {
        "held": one["outcome"] != "held",
        "long_enough": one["minutes"] < 15,
        "accepted_by_field_sales": one["field_sales_feedback"] == "rejected",
        "decision_maker_present": one["held_date"] >= V2_SINCE
        and one["outcome"] == "held"
        and not one["decision_maker_present"],
    }
    return [rule for rule, is_failed in fails.items() if is_failed]


def _is_valid(one: Row) -> bool:
    return not _failed_rules(one) and not _is_pending(one)


def _verdict_of(one: Row) -> str:
    if _failed_rules(one):
        return "invalid"
    return "pending" if _is_pending(one) else "valid"


def _verdict(one: Row) -> Row:
    pending = _verdict_of(one) == "pending"
    return one | {
        "verdict": _verdict_of(one),
        "failed_rules": ",".join(_failed_rules(one)) or None,
        "waiting_rules": "accepted_by_field_sales" if pending else None,
        "warned_rules": "lead_source_known" if one["position"] % 17 == 0 else None,
        "definition_version": 2,
        "counted_date": one["held_date"],
        "pending_until_date": one["held_date"] + timedelta(days=7) if pending else None,
    }


def _core_meeting(one: Row) -> Row:
    return one | {
        "held_by_rep_id": "hubspot:201",
        "has_deal": False,
        "copy_count": 1,
        "industry": "unknown",
        "company_size": "unknown",
    }


def _rule_results(one: Row) -> Iterator[Row]:
    failed = _failed_rules(one)
    rules = ("held", "long_enough", "accepted_by_field_sales", "decision_maker_present", "lead_source_known")
    for rule in rules:
        outcome = "fail" if rule in failed or (rule == "lead_source_known" and one["position"] % 17 == 0) else "pass"
        if rule == "accepted_by_field_sales" and _is_pending(one):
            outcome = "waiting"
        yield {
            "meeting_id": one["meeting_id"],
            "rule_id": rule,
            "definition_version": 2,
            "severity": "warning" if rule == "lead_source_known" else "critical",
            "outcome": outcome,
        }


def _fact(kpi_id: str, day: date, one: Row, numerator: float, denominator: float | None = None) -> Row:
    segments = ("lead_source", "response_method")
    return {
        "kpi_id": kpi_id,
        "counted_date": day,
        "rep_id": one["rep_id"],
        "team": REPS[one["rep_id"]][1],
        "department": "inside_sales",
        **{name: one.get(name, "unknown") for name in segments},
        "lead_source_first": one.get("lead_source", "unknown"),
        "definition_version": (2 if day >= V2_SINCE else 1) if kpi_id in {"valid_meetings", "valid_rate"} else None,
        "numerator": numerator,
        "denominator": denominator,
    }


def _meeting_facts(meetings: list[Row]) -> Iterator[Row]:
    for one in meetings:
        held = one["outcome"] == "held"
        is_ = {
            "booked": True,
            "held": held,
            "valid": _is_valid(one),
            "judged": held and _verdict_of(one) != "pending",
            "accepted": one["field_sales_feedback"] == "accepted",
            "answered": one["field_sales_feedback"] is not None,
            "missed": one["outcome"] == "no_show",
            "due": one["outcome"] in {"held", "no_show"},
        }
        for kpi_id, what in COUNTS.items():
            if is_[what]:
                yield _fact(kpi_id, one["booked_date"] if what == "booked" else one["held_date"], one, 1)
        for kpi_id, (top, bottom) in RATES.items():
            if is_[bottom]:
                yield _fact(kpi_id, one["held_date"], one, int(is_[top]), 1)


def _call_facts() -> Iterator[Row]:
    chance = _chance(11)
    for day in filter(is_business, _days(date(2026, 10, 1), AS_OF + timedelta(days=1))):
        for rep in REPS:
            calls = chance.randint(8, 16)
            yield _fact("calls_made", day, {"rep_id": rep}, calls)
            yield _fact("connect_rate", day, {"rep_id": rep}, round(calls * 0.27), calls)


def _deal_facts() -> Iterator[Row]:
    chance = _chance(13)
    for day in filter(is_business, _days(date(2026, 4, 1), AS_OF + timedelta(days=1))):
        if chance.random() < 0.7:
            rep = {"rep_id": chance.choice(list(REPS)), "lead_source": chance.choice(SOURCES[:4])}
            amount = chance.randint(6, 40) * 100_000
            yield _fact("deals_won", day, rep, 1)
            yield _fact("won_amount", day, rep, amount)
            yield _fact("average_deal", day, rep, amount, 1)
            yield _fact("win_rate_by_close_date", day, rep, 1, 3)


def _starts(day: date) -> dict[str, tuple[date, date]]:
    month = day.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    found = {"month": (month, following)}
    if day >= date(2026, 10, 1):
        found["quarter"] = (date(2026, 10, 1), date(2027, 1, 1))
    if day >= date(2026, 4, 1):
        found["fiscal_year"] = (date(2026, 4, 1), date(2027, 4, 1))
    return found


TARGETS = {
    ("valid_meetings", "inside_sales"): 125,
    ("valid_meetings", "is_east"): 73,
    ("valid_meetings", "is_west"): 52,
    ("meetings_booked", "inside_sales"): 275,
    ("meetings_held", "inside_sales"): 205,
    ("valid_rate", "inside_sales"): 0.6,
    ("calls_made", "inside_sales"): 2900,
    ("deals_won", "inside_sales"): 16,
    ("won_amount", "inside_sales"): 29_000_000,
}


def _periods(daily: list[Row]) -> list[Row]:
    sums: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in daily:
        if row["counted_date"] > AS_OF:
            continue
        scopes = (("department", "inside_sales"), ("team", row["team"]), ("rep", row["rep_id"]))
        for (kind, (start, end)), scope in itertools.product(_starts(row["counted_date"]).items(), scopes):
            total = sums[row["kpi_id"], kind, start, end, *scope]
            total[0] += row["numerator"]
            total[1] += row["denominator"] or 0
    return [_period(key, total) for key, total in sums.items()]


def _period(key: tuple[Any, ...], total: list[float]) -> Row:
    kpi_id, kind, start, end, scope_kind, scope_id = key
    is_rate = total[1] > 0
    actual = total[0] / total[1] if is_rate else total[0]
    target: float | None = TARGETS.get((kpi_id, scope_id)) if kind == "month" else None
    if kind == "month" and kpi_id == "valid_meetings" and scope_kind == "rep":
        target = 10
    due = None if target is None else target if is_rate or end <= AS_OF else target * expected_to_date() / TARGET
    status = (
        "no_target"
        if due is None
        else "on_track"
        if actual >= due * 0.95
        else "at_risk"
        if actual >= due * 0.85
        else "off"
    )
    return {
        "kpi_id": kpi_id,
        "period_kind": kind,
        "period_start": start,
        "period_end": end,
        "scope_kind": scope_kind,
        "scope_id": scope_id,
        "numerator": total[0],
        "denominator": total[1] if is_rate else None,
        "actual": actual,
        "target": target,
        "attainment": actual / target if target else None,
        "expected_to_date": due,
        "status": status,
        "definition_versions": ("2" if start >= V2_SINCE else "1") if kpi_id == "valid_meetings" else None,
        "guard_note": "guard_fell" if (kpi_id, kind, scope_id) == ("meetings_booked", "month", "is_west") else None,
        "as_of": AS_OF,
    }


def _phase_rows(periods: list[Row], phase: str) -> list[Row]:
    wide: dict[tuple[Any, ...], Row] = {}
    for row in periods:
        if row["kpi_id"] in t.PHASE_KPIS[phase] and row["period_end"] > AS_OF:
            key = (row["period_kind"], row["scope_kind"], row["scope_id"])
            names = ("period_kind", "period_start", "period_end", "scope_kind", "scope_id", "as_of")
            one = wide.setdefault(key, {name: row[name] for name in names})
            for name in ("actual", "target", "attainment", "expected_to_date", "status"):
                one[f"{row['kpi_id']}_{name}"] = row[name]
    return list(wide.values())


def _scope(kind: str = "department", scope_id: str = "inside_sales") -> Row:
    return {
        "kpi_id": "valid_meetings",
        "period_kind": "month",
        "period_start": MONTH,
        "period_end": date(2026, 12, 1),
        "scope_kind": kind,
        "scope_id": scope_id,
    }


def _divergence() -> list[Row]:
    due = expected_to_date()
    now = {
        "actual": VALID,
        "target": TARGET,
        "expected_to_date": due,
        "forecast_lower": 88,
        "forecast": 97,
        "forecast_upper": 107,
    }
    before = {"actual": 68, "target": TARGET, "expected_to_date": due * 13 / 14, "p_reach": 0.04, "state": "at_risk"}
    return [
        _scope() | now | {"evaluated_date": AS_OF, "p_reach": 0.003, "state": "off", "definition_version": "2"},
        _scope() | before | {"evaluated_date": AS_OF - timedelta(days=1)},
        _scope("team", "is_east")
        | {
            "evaluated_date": AS_OF,
            "actual": 42,
            "target": 73,
            "expected_to_date": due * 73 / 125,
            "p_reach": 0.03,
            "state": "off",
        },
    ]


def _causes(meetings: list[Row]) -> list[Row]:
    gap = VALID - expected_to_date()
    bad = [
        one["meeting_id"] for one in meetings if one["held_date"] >= MONTH and one["lead_source"] == "purchased_list"
    ]
    parts = [
        ("funnel", "booked_per_connect", "factor", -1.8, None, False, ""),
        (
            "funnel",
            "held_per_booked",
            "factor",
            -3.1,
            None,
            False,
            "111 of 150 counted in 14 business days since 2026-11-02 (74%), 75% in the own past (-0.4 standard errors).",
        ),
        (
            "funnel",
            "valid_per_held",
            "factor",
            -20.6,
            2,
            True,
            "71 of 146 counted (49%), 63% in 2026-06-26 to 2026-09-23; failed rules: accepted_by_field_sales 41.",
        ),
        (
            "funnel",
            "awaiting_verdict",
            "factor",
            5.2,
            None,
            False,
            "Expected from meetings that wait for an answer, valid at the share of all such meetings before.",
        ),
        (
            "lead_source",
            "purchased_list",
            "rate",
            -19.4,
            1,
            True,
            "11 of 49 counted (22%), 65% in 2026-06-26 to 2026-09-23; reject reasons: no_need 12.",
        ),
        (
            "lead_source",
            "web_form",
            "rate",
            -1.9,
            None,
            False,
            "35 of 58 counted (61%), 64% in 2026-06-26 to 2026-09-23.",
        ),
        ("lead_source", "webinar", "mix", 1.2, None, False, ""),
        ("response_method", "call", "rate", -9.4, 3, True, "52 of 104 counted (50%), 63% in 2026-06-26 to 2026-09-23."),
        ("response_method", "email", "rate", -3.0, None, False, ""),
        ("rep", "hubspot:103", "rate", -4.0, None, False, "7 of 17 counted (41%), 60% in 2026-06-26 to 2026-09-23."),
    ]
    rows = [_cause(*part, gap=gap) for part in parts]
    rows[4]["evidence_ids"] = ",".join(bad[:12])
    for split in ("funnel", "lead_source", "response_method", "rep"):
        found = sum(row["contribution"] for row in rows if row["split"] == split)
        effect = "factor" if split == "funnel" else "mix"
        rows.append(_cause(split, "target_level", effect, gap - found, None, False, "", gap=gap))
    return rows


def _period_changes(meetings: list[Row]) -> list[Row]:
    """The change to last month: the same parts, from a level that lay where the target asks."""
    previous = {"previous_start": date(2026, 10, 1), "previous": expected_to_date()}
    return [row | previous for row in _causes(meetings)]


def _cause(
    split: str,
    part: str,
    effect: str,
    contribution: float,
    rank: int | None,
    is_significant: bool,
    evidence: str,
    *,
    gap: float,
) -> Row:
    return _scope() | {
        "evaluated_date": AS_OF,
        "split": split,
        "part": part,
        "effect": effect,
        "contribution": contribution,
        "gap": gap,
        "lower": contribution - 6.2,
        "upper": contribution + 6.2,
        "is_significant": is_significant,
        "rank": rank,
        "evidence": evidence,
    }


def _alerts() -> list[Row]:
    gap = VALID - expected_to_date()
    parent = "valid_meetings:month:2026-11-01:department:inside_sales:2026-11-13"
    shared = {"state": "open", "divergence_state": "off", "opened_date": date(2026, 11, 13), "evaluated_date": AS_OF}
    return [
        _scope()
        | shared
        | {"alert_id": parent, "gap": gap, "p_reach": 0.003, "cause": "lead_source:purchased_list:rate"}
        | {"proposal": "act", "proposal_lever": "lead_source:purchased_list:rate"}
        | {"proposal_value": 29, "proposal_date": date(2026, 11, 30)},
        _scope("team", "is_east") | shared | {"alert_id": "east", "gap": -12.0, "p_reach": 0.03, "silenced_by": parent},
        _scope()
        | shared
        | {
            "alert_id": "booked",
            "kpi_id": "meetings_booked",
            "state": "acknowledged",
            "divergence_state": "at_risk",
            "gap": -14.2,
            "p_reach": 0.22,
            "acknowledged_by": "Demo Inside Sales Manager",
            "acknowledged_why": "two reps at the exhibition this week",
            "proposal": "wait",
            "proposal_value": 230,
            "proposal_date": date(2026, 11, 30),
        },
        _scope()
        | shared
        | {"alert_id": "missed", "kpi_id": "no_show_rate", "kind": "change", "gap": 0.288, "silenced_by": parent}
        | {"proposal": "act", "proposal_lever": "lead_source:purchased_list:rate", "proposal_value": 0.119}
        | {"proposal_date": date(2026, 12, 4)},
    ]


def _snapshots(periods: list[Row]) -> list[Row]:
    now = [
        row
        for row in periods
        if row["period_kind"] == "month" and row["period_start"] == MONTH and row["scope_kind"] == "department"
    ]
    before = {"valid_meetings": 3, "meetings_held": 9, "meetings_booked": 11}
    nights = ((AS_OF, {}), (AS_OF - timedelta(days=1), before))
    return [
        row | {"known_date": night, "value": row["actual"] - less.get(row["kpi_id"], 0)}
        for row in now
        for night, less in nights
    ]


def _plan() -> list[Row]:
    steps = (
        ("won_amount", 29_170_000, 29_170_000, 29_170_000, None, 0.55, True, 96),
        ("deals_won", 16, 13, 20, 0.07, 0.6, True, 96),
        ("valid_meetings", 131, 112, 156, 0.57, 0.93, False, 1412),
        ("meetings_booked", 286, 241, 340, 1.25, 0.7, True, 3104),
        ("calls_made", 3050, 2500, 3700, 13.4, 0.66, True, 33021),
    )
    names = (
        "kpi_id",
        "needed",
        "needed_lower",
        "needed_upper",
        "needed_per_rep_day",
        "realism_percentile",
        "is_realistic",
        "sample_size",
    )
    assumptions = "56% (54% to 59%) of held meetings are valid; 71 done so far"
    return [
        _scope()
        | dict(zip(names, step, strict=True))
        | {"goal_id": "won_amount", "assumptions": assumptions, "as_of": AS_OF}
        for step in steps
    ]


def _phase_status() -> list[Row]:
    conditions = (
        ("met_periods", False, "0 of the last 6 months met; 4 of 6 needed"),
        ("likely_met", False, "3% likely that the target is truly met; 80% needed"),
        ("data_checks", True, "all data checks passed"),
        ("next_kpi_history", True, "deals_won has 12 whole months; 6 needed"),
    )
    return [
        {
            "phase": "stable",
            "condition": name,
            "evaluated_date": AS_OF,
            "is_current": True,
            "is_met": is_met,
            "figure": figure,
            "kpi_id": "valid_meetings",
            "proposal": "smaller_goal",
            "proposed_phase": "stable",
            "proposed_kpi_id": "valid_meetings",
            "proposed_target": 110,
            "reason": "out of reach: met in none of the last 6 months; the level is 113.2, and 110 would truly be met with 80%",
        }
        for name, is_met, figure in conditions
    ]


def _operations() -> dict[sa.Table, list[Row]]:
    synced = BUILT_AT - timedelta(minutes=4)
    syncs = [
        {
            "sync_id": "a1",
            "connection": "hubspot",
            "status": "done",
            "landed_count": 402,
            "changed_count": 398,
            "quarantined_count": 0,
        },
        {
            "sync_id": "b1",
            "connection": "salesforce",
            "status": "partial",
            "landed_count": 251,
            "changed_count": 249,
            "quarantined_count": 2,
        },
    ]
    counts = (
        ("a1", "hubspot", "calls", 181),
        ("a1", "hubspot", "meetings", 24),
        ("b1", "salesforce", "Task", 96),
        ("b1", "salesforce", "Event", 18),
    )
    checks = ("rules agree with Great Expectations", "nothing lost in the sync", "every meeting has a verdict")
    return {
        t.sync_runs: [row | {"started_at": synced, "extracted_at": synced} for row in syncs],
        t.reconciliation: [
            {
                "sync_id": sync,
                "connection": connection,
                "object": name,
                "window_end": synced,
                "crm_count": count,
                "landed_count": count,
                "changed_count": count,
                "quarantined_count": 0,
                "is_matched": True,
            }
            for sync, connection, name, count in counts
        ],
        t.quarantine: [
            {
                "connection": "salesforce",
                "object": "Event",
                "record_id": f"00U{i}",
                "field": "starts_at",
                "reason": "no time; ISO 8601 is allowed",
            }
            for i in range(2)
        ],
        t.check_results: [
            {
                "check_name": name,
                "as_of": AS_OF,
                "is_passed": True,
                "severity": "error",
                "failed_count": 0,
                "detail": "0 rows differ",
            }
            for name in checks
        ],
    }
