"""Every KPI by hand: from the demo company's truth, in plain Python, written apart from kpis.yaml and from the SQL.

Verdicts and numbers here follow what the agreement says in words; nothing of the product but the truth is used.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from connectors.sandbox.company import Company, truth
from connectors.sandbox.company.entities import TrueDeal
from connectors.sandbox.company.workdays import tokyo_day
from tests.truth.rows import rep_ids

DAY = timedelta(days=1)
WAIT = 5  # business days that an answer may take
COMPANY_DAYS_OFF = {date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 2), date(2026, 12, 30), date(2026, 12, 31)}
SECOND_VERSION = date(2026, 6, 1)
NOBODY = ("unknown", "unknown", "unknown")


class Key(NamedTuple):
    """Which number of kpi.kpi_periods."""

    kpi_id: str
    period_kind: str
    period_start: date
    scope_kind: str
    scope_id: str


class Number(NamedTuple):
    """The number itself: sums, and the value made of them."""

    numerator: float
    denominator: float | None
    actual: float | None


class Judged(NamedTuple):
    """A meeting's verdict and why."""

    meeting_id: str
    definition_version: int
    verdict: str
    failed_rules: str | None
    waiting_rules: str | None
    warned_rules: str | None
    pending_until_date: date | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that counts: on which day, for whom, and what it adds above and below the line."""

    kpi_id: str
    day: date
    email: str | None
    above: float
    below: float | None


# --- verdicts ---------------------------------------------------------------------------------------------------------


def verdicts(company: Company) -> Iterator[Judged]:
    """The verdict of every meeting, as known at the end of as_of."""
    for row in truth.meetings(company):
        yield _judged(row, company.as_of)


def _judged(row: truth.MeetingRow, as_of: date) -> Judged:
    until = business_days_after(row.held_date, WAIT)
    version = 2 if row.held_date >= SECOND_VERSION else 1
    outcomes = dict(_rules(row, version, is_waiting=as_of <= until))
    failed = [rule for rule, outcome in outcomes.items() if outcome == "fail"]
    waiting = [rule for rule, outcome in outcomes.items() if outcome == "waiting"]
    verdict = "invalid" if failed else "pending" if waiting else "valid"
    warned = "lead_source_known" if version == 2 and row.lead_source is None else None
    return Judged(
        row.meeting_id,
        version,
        verdict,
        ",".join(failed) or None,
        ",".join(waiting) or None,
        warned,
        until if verdict == "pending" else None,
    )


def _rules(row: truth.MeetingRow, version: int, *, is_waiting: bool) -> Iterator[tuple[str, str]]:
    unanswered = "waiting" if is_waiting else "fail"
    is_held = row.outcome == "held"
    has_no_outcome = row.outcome in {"booked", "unknown"}
    yield "held", "pass" if is_held else unanswered if has_no_outcome else "fail"
    yield "long_enough", "pass" if row.minutes >= 15 else "fail"
    answers = {"accepted": "pass", "rejected": "fail", None: unanswered}
    yield "accepted_by_field_sales", answers[row.feedback] if is_held else "pass"
    if version == 2:
        presence = {True: "pass", False: "fail", None: unanswered}
        yield "decision_maker_present", presence[row.decision_maker_present] if is_held else "pass"


def business_days_after(day: date, count: int) -> date:
    """The count-th business day after a day."""
    while count:
        day += DAY
        count -= is_business_day(day)
    return day


@cache
def is_business_day(day: date) -> bool:
    """Monday to Friday, no Japanese public holiday, no day off of the company."""
    import holidays

    return day.weekday() < 5 and day not in holidays.country_holidays("JP", years=day.year) | dict.fromkeys(
        COMPANY_DAYS_OFF, ""
    )


# --- facts ------------------------------------------------------------------------------------------------------------


def facts(company: Company) -> Iterator[Fact]:
    """Everything that counts, up to as_of."""
    for source in (_of_calls, _of_emails, _of_meetings, _of_deals):
        yield from (fact for fact in source(company) if fact.day <= company.as_of)


def _of_calls(company: Company) -> Iterator[Fact]:
    for call in truth.calls(company):
        if call.direction == "outbound" and call.status == "completed":
            day, rep = tokyo_day(call.called_at), call.rep_email
            yield Fact("calls_made", day, rep, 1, None)
            if call.disposition is not None:
                yield Fact("connect_rate", day, rep, call.disposition == "connected", 1)


def _of_emails(company: Company) -> Iterator[Fact]:
    for email in truth.emails(company):
        if email.direction == "outbound" and email.status == "sent":
            day, rep = tokyo_day(email.sent_at), email.rep_email
            yield Fact("email_open_rate", day, rep, email.open_count > 0, 1)
            # Salesforce counts no bot opens: of none of its opens it is known that it was a person's
            is_known = email.crm_id.crm == "hubspot" and email.open_count > email.bot_open_count
            yield Fact("email_open_rate_by_person", day, rep, is_known, 1)
            yield Fact("reply_rate", day, rep, email.reply_count > 0, 1)


def _of_meetings(company: Company) -> Iterator[Fact]:
    verdict_of = {one.meeting_id: one.verdict for one in verdicts(company)}
    won = {truth.core_id(deal.crm_id) for deal in truth.deals(company) if _is_won(deal, company)}
    for row in truth.meetings(company):
        day, rep, verdict = row.held_date, row.booked_by, verdict_of[row.meeting_id]
        yield Fact("meetings_booked", row.booked_date, rep, 1, None)
        if row.outcome == "held":
            yield Fact("meetings_held", day, rep, 1, None)
        if row.outcome == "held" and verdict != "pending":
            yield Fact("valid_rate", day, rep, verdict == "valid", 1)
        if row.outcome == "held" and row.feedback is not None:
            yield Fact("field_sales_acceptance", day, rep, row.feedback == "accepted", 1)
        if row.outcome in {"held", "no_show"}:
            yield Fact("no_show_rate", day, rep, row.outcome == "no_show", 1)
        if verdict == "valid":
            yield Fact("valid_meetings", day, rep, 1, None)
            yield Fact("meeting_to_won", day, rep, row.deal_id in won, 1)


def _of_deals(company: Company) -> Iterator[Fact]:
    """Credited to whom the meeting that it came from was booked by; nobody's, when it came from none."""
    booked_by = {meeting.key: meeting.booked_by for meeting in company.meetings}
    for deal in truth.deals(company):
        rep = booked_by.get(deal.meeting_key) if deal.meeting_key is not None else None
        made, closed = tokyo_day(deal.created_at), deal.close_date
        is_won = _is_won(deal, company)
        yield Fact("win_rate_by_cohort", made, rep, is_won, 1)
        if deal.status != "open":
            yield Fact("win_rate_by_close_date", closed, rep, is_won, 1)
        if is_won:
            yield Fact("deals_won", closed, rep, 1, None)
            yield Fact("won_amount", closed, rep, deal.amount or 0, None)
            if deal.amount is not None:
                yield Fact("average_deal", closed, rep, deal.amount, 1)
            yield Fact("sales_cycle_days", closed, rep, max((closed - made).days, 0), 1)


def _is_won(deal: TrueDeal, company: Company) -> bool:
    """A deal that is won after as_of was not, then."""
    return deal.status == "won" and deal.close_date <= company.as_of


# --- numbers ----------------------------------------------------------------------------------------------------------


def numbers(company: Company) -> dict[Key, Number]:
    """Every number that something was counted for, in every period that the tables show."""
    sums: dict[Key, list[float]] = defaultdict(lambda: [0.0, 0.0])
    is_rate: dict[str, bool] = {}
    scope_of = _scopes(company)
    for fact in facts(company):
        is_rate[fact.kpi_id] = fact.below is not None
        for kind, start_of in PERIODS.items():
            start = start_of(fact.day)
            if start >= _first_shown(kind, company.as_of):
                for scope in zip(("rep", "team", "department"), scope_of.get(fact.email, NOBODY), strict=True):
                    total = sums[Key(fact.kpi_id, kind, start, *scope)]
                    total[0] += fact.above
                    total[1] += fact.below or 0
    found = {key: _number(*total, is_rate=is_rate[key.kpi_id]) for key, total in sums.items()}
    return found | dict(_velocity(found))


def _number(above: float, below: float, *, is_rate: bool) -> Number:
    return Number(above, below, above / below) if is_rate else Number(above, None, above)


def _velocity(found: dict[Key, Number]) -> Iterator[tuple[Key, Number]]:
    """Money a day: deals won x average deal / sales cycle."""
    for key, won in found.items():
        if key.kpi_id == "deals_won":
            average = found[key._replace(kpi_id="average_deal")].actual or 0
            days = found[key._replace(kpi_id="sales_cycle_days")].actual
            money = won.numerator * average
            yield key._replace(kpi_id="pipeline_velocity"), Number(money, days, money / days if days else None)


def _scopes(company: Company) -> dict[str | None, tuple[str, str, str]]:
    """Rep, team and department by e-mail address; nobody moved between teams."""
    ids = rep_ids(company)
    return {rep.email: (ids[rep.email], rep.team, rep.department) for rep in company.reps}


def _fiscal_year(day: date) -> date:
    return date(day.year if day.month >= 4 else day.year - 1, 4, 1)


PERIODS: dict[str, Callable[[date], date]] = {
    "week": lambda day: day - day.weekday() * DAY,
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
    "fiscal_year": _fiscal_year,
}


def _first_shown(kind: str, as_of: date) -> date:
    """Half a year of weeks, thirteen months back, two years of quarters, every fiscal year."""
    if kind == "week":
        return as_of - 26 * 7 * DAY
    if kind == "quarter":
        return as_of.replace(year=as_of.year - 2, day=1)
    same_month_last_year = as_of.replace(year=as_of.year - 1, day=1)
    return date.min if kind == "fiscal_year" else (same_month_last_year - DAY).replace(day=1)
