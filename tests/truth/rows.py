"""What core must hold, row by row: from the demo company's truth, in plain Python, without a word of SQL.

Each function gives the rows of one table of core; TABLES names the columns in the rows' order.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.sandbox.company import Company, truth
from connectors.sandbox.company.entities import CrmId, TrueContact
from connectors.sandbox.company.workdays import tokyo_day

Row = tuple[Any, ...]
ALWAYS = date(1900, 1, 1)
SIZES = ((1000, "1000+"), (300, "300-999"), (50, "50-299"), (1, "1-49"))


def rep_ids(company: Company) -> dict[str, str]:
    """Id of a person by e-mail address: the HubSpot user where there is one."""
    ranked = {"hubspot": 0, "salesforce": 1}
    return {rep.email: truth.core_id(min(rep.crm_ids, key=lambda one: ranked[one.crm])) for rep in company.reps}


def reps(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    for rep in company.reps:
        yield (
            ids[rep.email],
            rep.name,
            rep.email,
            rep.team,
            rep.department,
            rep.is_active,
            rep.started_date,
            rep.left_date,
        )


def rep_identities(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    return ((one.crm, one.id, ids[rep.email]) for rep in company.reps for one in rep.crm_ids)


def rep_teams(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    return ((ids[rep.email], ALWAYS, None, rep.team, rep.department) for rep in company.reps)


def companies(company: Company) -> Iterator[Row]:
    for row in company.companies:
        for crm_id in row.crm_ids:
            segment = (row.industry or "unknown", _size(row.employee_count))
            yield (
                truth.core_id(crm_id),
                crm_id.crm,
                crm_id.id,
                _url(crm_id),
                row.name,
                row.domain,
                *segment,
                row.employee_count,
            )


def contacts(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    for row in truth.contacts(company):
        person = min(truth.core_id(crm_id) for crm_id in row.crm_ids)
        for crm_id in row.crm_ids:
            owner = company.rep_by_email[row.owner_email]
            has_owner = any(one.crm == crm_id.crm for one in owner.crm_ids)
            created_at = (row.converted_at or row.created_at) if crm_id.crm == "salesforce" else row.created_at
            yield (
                truth.core_id(crm_id),
                crm_id.crm,
                crm_id.id,
                _url(crm_id),
                person,
                _company_id(company, row, crm_id),
                ids[row.owner_email] if has_owner else None,
                "lead" if crm_id.object == "Lead" else "contact",
                row.name,
                row.email,
                row.phone,
                row.title,
                row.lead_source_first,
                row.lead_source,
                tokyo_day(created_at),
                _utc(created_at),
            )


def calls(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    for row in truth.calls(company):
        yield (
            *_source(row.crm_id),
            ids[row.rep_email],
            *_about(company, row.contact_key, row.crm_id),
            None,
            *_segments(company, row.contact_key, row.crm_id, row.response_method),
            row.direction,
            row.disposition or "unknown",
            row.status,
            row.duration_seconds,
            tokyo_day(row.called_at),
            _utc(row.called_at),
        )


def emails(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    for row in truth.emails(company):
        knows_bots = row.crm_id.crm == "hubspot"
        yield (
            *_source(row.crm_id),
            ids[row.rep_email],
            *_about(company, row.contact_key, row.crm_id),
            None,
            *_segments(company, row.contact_key, row.crm_id, row.response_method),
            row.direction,
            row.status,
            row.status == "sent",
            row.open_count > 0,
            row.open_count > row.bot_open_count if knows_bots else None,
            row.reply_count > 0,
            tokyo_day(row.sent_at),
            _utc(row.sent_at),
        )


def meetings(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    contact_of = {meeting.copies[0].crm_id: meeting.contact_key for meeting in company.meetings}
    invited = {
        meeting.copies[0].crm_id: {copy.owner_email for copy in meeting.copies if copy.reason == "invitee"}
        for meeting in company.meetings
    }
    for row in truth.meetings(company):
        leading = row.copies[0]
        yield (
            *_source(leading),
            ids[row.booked_by],
            ids[row.held_by],
            row.contact_id,
            row.company_id,
            row.deal_id,
            *_segments(company, contact_of[leading], leading, row.response_method),
            row.outcome,
            row.feedback,
            row.feedback,  # nobody in the story takes an answer back
            row.reject_reason,
            row.decision_maker_present,
            row.deal_id is not None,
            row.minutes,
            1,
            len({row.held_by, *invited[leading]}),
            len(row.copies),
            row.booked_date,
            row.held_date,
            None if row.feedback_at is None else tokyo_day(row.feedback_at),
            _utc(row.booked_at),
            _utc(row.starts_at),
            _utc(row.ends_at),
        )


def meeting_copies(company: Company) -> Iterator[Row]:
    for meeting in company.meetings:
        if meeting.deleted_at is None:
            leading = truth.core_id(meeting.copies[0].crm_id)
            for copy in meeting.copies:
                yield copy.crm_id.crm, copy.crm_id.id, _url(copy.crm_id), leading, copy.reason


def deals(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    meeting_by_key = {meeting.key: meeting for meeting in company.meetings}
    for row in truth.deals(company):
        meeting = meeting_by_key[row.meeting_key] if row.meeting_key is not None else None
        created_date = tokyo_day(row.created_at)
        yield (
            *_source(row.crm_id),
            ids[meeting.booked_by] if meeting else None,
            ids[row.owner_email],
            truth.core_id(meeting.copies[0].crm_id) if meeting else None,
            *_about(company, row.contact_key, row.crm_id),
            *_segments(company, row.contact_key, row.crm_id, meeting.response_method if meeting else None),
            row.name,
            row.stage,
            row.status,
            row.lost_reason,
            "JPY",
            row.amount,
            row.amount,
            max((row.close_date - created_date).days, 0) if row.status != "open" else None,
            created_date,
            row.close_date,
            _utc(row.created_at),
        )


def deal_stage_changes(company: Company) -> Iterator[Row]:
    for deal in truth.deals(company):
        before = None
        for position, change in enumerate(deal.stage_changes, 1):
            moment = change.changed_at
            yield (
                truth.core_id(deal.crm_id),
                position,
                before,
                change.label,
                change.status,
                tokyo_day(moment),
                _utc(moment),
            )
            before = change.label


def deal_owner_changes(company: Company) -> Iterator[Row]:
    """HubSpot tells who made it; Salesforce says a word only when it changes hands, and then who had it before."""
    ids = rep_ids(company)
    for deal in truth.deals(company):
        if deal.crm_id.crm == "hubspot" or len(deal.owner_changes) > 1:
            for position, change in enumerate(deal.owner_changes, 1):
                moment = change.changed_at
                yield (
                    truth.core_id(deal.crm_id),
                    position,
                    ids[change.owner_email],
                    tokyo_day(moment),
                    _utc(moment),
                )


def exchange_rates(_company: Company) -> Iterator[Row]:
    """The demo agreement's own, for both CRMs; yen are yen."""
    yield "*", "JPY", date(1, 1, 1), None, Decimal(1), Decimal(1)
    yield "*", "USD", date(2024, 4, 1), date(2026, 4, 1), Decimal(150), Decimal(1)
    yield "*", "USD", date(2026, 4, 1), None, Decimal(148), Decimal(1)


def notes(company: Company) -> Iterator[Row]:
    ids = rep_ids(company)
    for row in company.notes:
        yield *_source(row.crm_id), ids[row.rep_email], row.body, tokyo_day(row.written_at), _utc(row.written_at)


def links(company: Company) -> Iterator[Row]:
    yield from _links_of_contacts(company)
    yield from _links_of_activities(company)
    yield from _links_of_meetings(company)
    yield from _links_of_deals(company)


def _links_of_contacts(company: Company) -> Iterator[Row]:
    for row in truth.contacts(company):
        for crm_id in row.crm_ids:
            company_id = _company_id(company, row, crm_id)
            if company_id is not None:
                yield from _to_company("contact", crm_id, company_id)


def _links_of_activities(company: Company) -> Iterator[Row]:
    for call in truth.calls(company):
        yield from _to_people(company, "call", call.crm_id, call.contact_key, "default")
    for email in truth.emails(company):
        end = "ToAddress" if email.direction == "outbound" else "FromAddress"
        role = end if email.crm_id.crm == "salesforce" else "default"
        yield from _to_people(company, "email", email.crm_id, email.contact_key, role)
    for note in company.notes:
        yield from _to_people(company, "note", note.crm_id, note.contact_key, "default")


def _links_of_meetings(company: Company) -> Iterator[Row]:
    """Every copy's links start at the one meeting; a link that two copies share is one. Salesforce names the person twice."""
    ids, found = rep_ids(company), set()
    deal_ids = {deal.meeting_key: truth.core_id(deal.crm_id) for deal in truth.deals(company)}
    for meeting in (meeting for meeting in company.meetings if meeting.deleted_at is None):
        leading = meeting.copies[0].crm_id
        for copy in meeting.copies:
            found |= set(_to_people(company, "meeting", copy.crm_id, meeting.contact_key, "default", start=leading))
            if copy.crm_id.crm == "salesforce" and copy.reason != "invitee":
                found |= set(_to_people(company, "meeting", copy.crm_id, meeting.contact_key, "invitee", start=leading))
            if copy.reason == "invitee":
                found.add(("meeting", truth.core_id(leading), "rep", ids[copy.owner_email], "invitee"))
        if meeting.key in deal_ids:
            found.add(("meeting", truth.core_id(leading), "deal", deal_ids[meeting.key], "default"))
    yield from found


def _links_of_deals(company: Company) -> Iterator[Row]:
    for deal in truth.deals(company):
        contact_id, company_id = _about(company, deal.contact_key, deal.crm_id)
        role = "default" if deal.crm_id.crm == "hubspot" else "Decision Maker"
        yield "deal", truth.core_id(deal.crm_id), "contact", contact_id, role
        if company_id is not None:
            yield from _to_company("deal", deal.crm_id, company_id)


def _to_people(
    company: Company, kind: str, crm_id: CrmId, contact_key: int, role: str, *, start: CrmId | None = None
) -> Iterator[Row]:
    """HubSpot associates contact and company, Salesforce looks the contact up."""
    contact_id, company_id = _about(company, contact_key, crm_id)
    from_id = truth.core_id(start or crm_id)
    if contact_id is not None:
        yield kind, from_id, "contact", contact_id, role
    if company_id is not None and crm_id.crm == "hubspot":
        yield kind, from_id, "company", company_id, "default"


def _to_company(kind: str, crm_id: CrmId, company_id: str) -> Iterator[Row]:
    """HubSpot has two types for one pair, Salesforce one lookup."""
    for role in ("default", "Primary") if crm_id.crm == "hubspot" else ("default",):
        yield kind, truth.core_id(crm_id), "company", company_id, role


def _source(crm_id: CrmId) -> Row:
    return truth.core_id(crm_id), crm_id.crm, crm_id.id, _url(crm_id)


def _url(crm_id: CrmId) -> str:
    port = {"hubspot": 4180, "salesforce": 4190}[crm_id.crm]
    return f"http://127.0.0.1:{port}/{crm_id.object}/{crm_id.id}"


def _about(company: Company, contact_key: int, crm_id: CrmId) -> tuple[str | None, str | None]:
    """Contact and company of an activity, as its CRM knows them; HubSpot still knows the company when the contact is gone."""
    contact = company.contact_by_key[contact_key]
    record = truth.contact_record(contact, crm_id.crm)
    company_id = _company_id(company, contact, record)
    if contact.deleted_at is not None:
        return None, company_id if crm_id.crm == "hubspot" else None
    return truth.core_id(record), company_id


def _company_id(company: Company, contact: TrueContact, record: CrmId) -> str | None:
    known = truth.company_record(company, contact, record.crm)
    return None if known is None else truth.core_id(known)


def _segments(company: Company, contact_key: int, crm_id: CrmId, response_method: str | None) -> Row:
    contact = company.contact_by_key[contact_key]
    organisation = company.company_by_key[contact.company_key]
    is_known = _about(company, contact_key, crm_id)[1] is not None
    is_gone = contact.deleted_at is not None
    return (
        "unknown" if is_gone else contact.lead_source_first or "unknown",
        "unknown" if is_gone else contact.lead_source or "unknown",
        response_method or "unknown",
        (organisation.industry or "unknown") if is_known else "unknown",
        _size(organisation.employee_count) if is_known else "unknown",
    )


def _size(employees: int | None) -> str:
    return next((band for least, band in SIZES if (employees or 0) >= least), "unknown")


def _utc(moment: datetime) -> datetime:
    """Both CRMs keep milliseconds."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


_SOURCE = "connection, crm_id, crm_url"
_SEGMENTS = "lead_source_first, lead_source, response_method, industry, company_size"
TABLES: dict[str, tuple[str, Callable[[Company], Iterator[Row]]]] = {
    "reps": ("rep_id, name, email, team, department, is_active, started_date, left_date", reps),
    "rep_identities": ("connection, crm_id, rep_id", rep_identities),
    "rep_teams": ("rep_id, valid_from, valid_to, team, department", rep_teams),
    "companies": (f"company_id, {_SOURCE}, name, domain, industry, company_size, employee_count", companies),
    "contacts": (
        f"contact_id, {_SOURCE}, person_id, company_id, rep_id, kind, name, email, phone, title, lead_source_first, lead_source,"
        " created_date, created_at",
        contacts,
    ),
    "calls": (
        f"call_id, {_SOURCE}, rep_id, contact_id, company_id, deal_id, {_SEGMENTS}, direction, disposition, status,"
        " duration_seconds, called_date, called_at",
        calls,
    ),
    "emails": (
        f"email_id, {_SOURCE}, rep_id, contact_id, company_id, deal_id, {_SEGMENTS}, direction, status, is_delivered, is_opened,"
        " is_opened_by_person, is_replied, sent_date, sent_at",
        emails,
    ),
    "meetings": (
        f"meeting_id, {_SOURCE}, rep_id, held_by_rep_id, contact_id, company_id, deal_id, {_SEGMENTS}, outcome,"
        " field_sales_feedback, field_sales_feedback_first, reject_reason, decision_maker_present, has_deal, minutes, attendee_count,"
        " attendees_ours, copy_count, booked_date, held_date, feedback_date, booked_at, starts_at, ends_at",
        meetings,
    ),
    "meeting_copies": ("connection, crm_id, crm_url, meeting_id, reason", meeting_copies),
    "deals": (
        f"deal_id, {_SOURCE}, rep_id, owner_rep_id, meeting_id, contact_id, company_id, {_SEGMENTS}, name, stage, status,"
        " lost_reason, currency, amount, agreed_amount, cycle_days, created_date, close_date, created_at",
        deals,
    ),
    "deal_stage_changes": (
        "deal_id, position, from_stage, stage, status, changed_date, changed_at",
        deal_stage_changes,
    ),
    "deal_owner_changes": ("deal_id, position, owner_rep_id, changed_date, changed_at", deal_owner_changes),
    "exchange_rates": ("connection, currency, since_date, until_date, rate, divisor", exchange_rates),
    "links": ("from_kind, from_id, to_kind, to_id, role", links),
    "notes": (f"note_id, {_SOURCE}, rep_id, body, written_date, written_at", notes),
}
