"""Why a meeting counted or not: what each rule saw, who signed it, what happened when, and what would make it valid by when."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from definitions_contract.resolve import meeting_definition, versions
from definitions_contract.schema import Agreement, Definition, Rule, RuleOutcome, Severity
from definitions_contract.words import Lang, describe_rule
from models.tables import (
    companies,
    contacts,
    deal_stage_changes,
    deals,
    links,
    meeting_copies,
    meeting_rule_results,
    meeting_verdicts,
    meetings,
    reps,
)
from pipelines.errors import UnknownMeetingError

SEGMENTS = ("lead_source_first", "lead_source", "response_method", "industry", "company_size")


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """What one rule says of the meeting; `deadline` is the last day for an answer while it waits."""

    rule_id: str
    label: str
    asks: str
    severity: str
    outcome: str
    observed: str | None
    deadline: date | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the meeting or its deal; `what` is a key of explain_page.WORDS, `detail` from the CRM."""

    day: date
    what: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a rule still needs, and until when; None: it has failed, so only a corrected record or a later answer helps."""

    label: str
    asks: str
    observed: str | None
    by: date | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is linked to the meeting. People of the other side are told by title and id: names are personal data."""

    side: str  # ours or theirs
    person_id: str
    description: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that decides about one meeting."""

    meeting_id: str
    crm_url: str | None
    verdict: str | None
    pending_until: date | None
    definition: str | None
    version: int | None
    effective_from: date | None
    signed: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Any]
    segments: Mapping[str, str | None]
    rules: tuple[RuleSeen, ...]
    needed: tuple[Step, ...]
    timeline: tuple[Event, ...]
    people: tuple[Person, ...]
    copies: tuple[Mapping[str, Any], ...]


def read_meeting(connection: sa.Connection, agreement: Agreement, meeting: str, lang: Lang) -> Explanation:
    """Explain a meeting named by its id, the CRM id of any copy, or a link to one.

    Raises UnknownMeetingError when nothing has that id, or when copies in two CRMs that are not the same meeting share it.
    """
    found = _find(connection, meeting)
    results = _results(connection, found["meeting_id"])
    judged_by = _judged_by(agreement, found["definition_version"])
    rules = (
        tuple(_seen(rule, results[rule.id], lang) for rule in judged_by.rules if rule.id in results)
        if judged_by
        else ()
    )
    return Explanation(
        meeting_id=found["meeting_id"],
        crm_url=found["crm_url"],
        verdict=found["verdict"],
        pending_until=found["pending_until_date"],
        definition=judged_by.name if judged_by else None,
        version=judged_by.version if judged_by else None,
        effective_from=judged_by.effective_from if judged_by else None,
        signed=tuple(s.model_dump(exclude={"digest"}) for s in judged_by.signatures) if judged_by else (),
        facts={
            name: found[name]
            for name in (
                "booked_by",
                "held_by",
                "team",
                "outcome",
                "minutes",
                "field_sales_feedback_first",
                "field_sales_feedback",
                "reject_reason",
                "company",
            )
        },
        segments={name: found[name] for name in SEGMENTS},
        rules=rules,
        needed=tuple(_needed(rules)),
        timeline=tuple(sorted(_events(connection, agreement, found), key=lambda event: event.day)),
        people=tuple(_people(connection, found["meeting_id"])),
        copies=_copies(connection, found["meeting_id"]),
    )


def as_plain(explanation: Explanation) -> dict[str, Any]:
    """Give everything as plain values, for JSON."""
    return asdict(explanation)


def _find(connection: sa.Connection, meeting: str) -> Mapping[Any, Any]:
    by_copy = sa.select(meeting_copies.c.meeting_id).where(
        sa.or_(meeting_copies.c.crm_id == meeting, meeting_copies.c.crm_url == meeting)
    )
    named = sa.or_(
        meetings.c.meeting_id == meeting,
        meetings.c.crm_id == meeting,
        meetings.c.crm_url == meeting,
        meetings.c.meeting_id.in_(by_copy),
    )
    bookers, holders = reps.alias("bookers"), reps.alias("holders")
    judged = meetings.join(meeting_verdicts, meetings.c.meeting_id == meeting_verdicts.c.meeting_id)
    whole = (
        judged.outerjoin(bookers, meetings.c.rep_id == bookers.c.rep_id)
        .outerjoin(holders, meetings.c.held_by_rep_id == holders.c.rep_id)
        .outerjoin(companies, meetings.c.company_id == companies.c.company_id)
    )
    verdict = [meeting_verdicts.c[name] for name in ("verdict", "definition_version", "pending_until_date", "team")]
    names = [
        bookers.c.name.label("booked_by"),
        holders.c.name.label("held_by"),
        companies.c.name.label("company"),
    ]
    rows = connection.execute(sa.select(*meetings.c, *verdict, *names).select_from(whole).where(named)).mappings().all()
    if not rows:
        raise UnknownMeetingError(f"no meeting has the id {meeting!r}; give a meeting id, a CRM id or its link")
    if len(rows) > 1:
        ids = ", ".join(str(row["meeting_id"]) for row in rows)
        raise UnknownMeetingError(f"{meeting!r} is the CRM id of more than one meeting; give one of {ids}")
    return rows[0]


def _results(connection: sa.Connection, meeting_id: str) -> dict[str, Mapping[Any, Any]]:
    statement = sa.select(meeting_rule_results).where(meeting_rule_results.c.meeting_id == meeting_id)
    return {row["rule_id"]: row for row in connection.execute(statement).mappings()}


def _judged_by(agreement: Agreement, version: int | None) -> Definition | None:
    name = meeting_definition(agreement)
    return next((d for d in versions(agreement, name) if d.version == version), None) if name else None


def _seen(rule: Rule, result: Mapping[Any, Any], lang: Lang) -> RuleSeen:
    label = getattr(rule.label, lang)
    asks = describe_rule(rule, lang)
    severity, outcome = rule.severity.value, result["outcome"]
    return RuleSeen(rule.id, label, asks, severity, outcome, result["observed"], result["waiting_until_date"])


def _needed(rules: tuple[RuleSeen, ...]) -> Iterator[Step]:
    for rule in rules:
        if rule.severity == Severity.CRITICAL.value and rule.outcome != RuleOutcome.PASS.value:
            yield Step(rule.label, rule.asks, rule.observed, rule.deadline)


def _events(connection: sa.Connection, agreement: Agreement, found: Mapping[Any, Any]) -> Iterator[Event]:
    zone = agreement.team.tz

    def local(moment: datetime | None) -> str | None:
        return moment.astimezone(zone).strftime("%H:%M") if moment else None

    dated = (
        (found["booked_date"], "booked", local(found["booked_at"])),
        (found["held_date"], "meeting_day", local(found["starts_at"])),
        (found["feedback_date"], "feedback", found["field_sales_feedback"]),
    )
    yield from (Event(day, what, detail) for day, what, detail in dated if day is not None)
    if found["deal_id"] is None:
        return
    of_deal = deals.c.deal_id == found["deal_id"]
    deal = connection.execute(sa.select(deals.c.name, deals.c.created_date).where(of_deal)).first()
    if deal is not None and deal.created_date is not None:
        yield Event(deal.created_date, "deal_created", deal.name)
    changes = (
        sa.select(deal_stage_changes)
        .where(deal_stage_changes.c.deal_id == found["deal_id"])
        .order_by(deal_stage_changes.c.position)
    )
    for change in connection.execute(changes):
        yield Event(change.changed_date, "stage", f"{change.stage} ({change.status})")


def _people(connection: sa.Connection, meeting_id: str) -> Iterator[Person]:
    of_meeting = sa.and_(links.c.from_kind == "meeting", links.c.from_id == meeting_id)
    theirs = (
        sa.select(contacts.c.contact_id, contacts.c.title, links.c.role)
        .join_from(links, contacts, contacts.c.contact_id == links.c.to_id)
        .where(of_meeting, links.c.to_kind == "contact")
        .order_by(contacts.c.contact_id)
    )
    ours = (
        sa.select(reps.c.rep_id, reps.c.name, links.c.role)
        .join_from(links, reps, reps.c.rep_id == links.c.to_id)
        .where(of_meeting, links.c.to_kind == "rep")
        .order_by(reps.c.rep_id)
    )
    yield from (Person("theirs", *row) for row in connection.execute(theirs))
    yield from (Person("ours", *row) for row in connection.execute(ours))


def _copies(connection: sa.Connection, meeting_id: str) -> tuple[Mapping[str, Any], ...]:
    statement = (
        sa.select(*(meeting_copies.c[name] for name in ("connection", "crm_id", "crm_url", "reason")))
        .where(meeting_copies.c.meeting_id == meeting_id)
        .order_by(meeting_copies.c.reason.desc(), meeting_copies.c.connection, meeting_copies.c.crm_id)
    )
    return tuple(dict(row) for row in connection.execute(statement).mappings())
