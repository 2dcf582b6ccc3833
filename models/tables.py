"""Every persisted table, in the order data flows: raw, core, kpi, ops.

The comments are the documentation: they reach DuckDB, the Dagster catalogue and docs/tables.md from here.
A column with `info={"personal": True}` leaves the warehouse only when the agreement says so.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    MetaData,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import PrimaryKeyConstraint
from sqlalchemy.types import TypeEngine

metadata = MetaData()


@compiles(PrimaryKeyConstraint, "duckdb")
def _declare_no_key(_constraint: PrimaryKeyConstraint, _compiler: Any, **_: Any) -> None:
    """Leave keys out of the DDL: DuckDB's key index makes replacing 100,000 rows take 4 s instead of 0.07 s.

    The keys stay declared here; a nightly check proves that they are unique.
    """


TIMESTAMP = DateTime(timezone=True)
RATE = Numeric(18, 9)  # CRMs keep six decimals
MONEY = Numeric(18, 2)  # two decimals hold every currency that the default agreement may name; sums stay exact


def _column(
    name: str, kind: TypeEngine[Any], comment: str, *, key: bool = False, personal: bool = False
) -> Column[Any]:
    info = {"personal": True} if personal else {}
    return Column(name, kind, primary_key=key, nullable=not key, comment=comment, info=info, autoincrement=False)


def _key(name: str, comment: str) -> Column[Any]:
    return _column(name, Text(), comment, key=True)


def _text(name: str, comment: str, *, personal: bool = False) -> Column[Any]:
    return _column(name, Text(), comment, personal=personal)


def _integer(name: str, comment: str, *, key: bool = False) -> Column[Any]:
    return _column(name, BigInteger(), comment, key=key)


def _double(name: str, comment: str) -> Column[Any]:
    return _column(name, Double(), comment)


def _money(name: str, comment: str) -> Column[Any]:
    return _column(name, MONEY, comment)


def _boolean(name: str, comment: str) -> Column[Any]:
    return _column(name, Boolean(), comment)


def _date(name: str, comment: str, *, key: bool = False) -> Column[Any]:
    return _column(name, Date(), comment, key=key)


def _timestamp(name: str, comment: str, *, key: bool = False) -> Column[Any]:
    return _column(name, TIMESTAMP, comment, key=key)


# --- raw: the newest version of each CRM record -----------------------------------------------------------------------

records = Table(
    "records",
    metadata,
    _key("connection", "Name of the connection that the record came over"),
    _key("object", "The CRM's own object name, or associations.<from>.<to>"),
    _key("record_id", "The CRM's id; for associations the id of the record they start from"),
    _timestamp("modified_at", "When the CRM says that it changed (UTC)"),
    _boolean("is_deleted", "Deleted or archived in the CRM: a tombstone"),
    _timestamp("extracted_at", "When this version was read (UTC)"),
    _text("sync_id", "The sync that brought this version"),
    _text("payload", "The record as the CRM gave it (JSON)", personal=True),
    schema="raw",
    comment="Newest version of each CRM record, as received; every typed raw table can be rebuilt from it",
)


def _raw_table(name: str, comment: str, *columns: Column[Any]) -> Table:
    """Make a typed raw table: identity columns that all share, then the canonical fields of the field map."""
    return Table(
        name,
        metadata,
        _key("connection", "Name of the connection"),
        _key("object", "The CRM's object that the row came from"),
        _key("crm_id", "The CRM's id of the record"),
        *columns,
        _timestamp("modified_at", "When the CRM says that it changed (UTC)"),
        _boolean("is_deleted", "Deleted or archived in the CRM"),
        _text("merged_into_crm_id", "Id of the record that it was merged into, when the CRM names one"),
        _text("sync_id", "The sync that brought this version"),
        schema="raw",
        comment=comment,
    )


raw_users = _raw_table(
    "users",
    "CRM users: HubSpot owners, Salesforce users; leavers too",
    _text("name", "Full name", personal=True),
    _text("email", "E-mail address, lower case", personal=True),
    _boolean("is_active", "May log in today"),
    _text("kind", "person or queue"),
    _text("role", "Role name in the CRM"),
    _text("crm_team", "Team name in the CRM"),
    _timestamp("created_at", "When the user was made (UTC)"),
)
raw_companies = _raw_table(
    "companies",
    "Organisations: HubSpot companies, Salesforce accounts",
    _text("name", "Name"),
    _text("domain", "Web domain, lower case"),
    _text("industry", "Industry as the CRM has it"),
    _integer("employee_count", "Number of employees"),
    _text("owner_crm_id", "CRM id of the owning user"),
    _timestamp("created_at", "When it was made (UTC)"),
)
raw_contacts = _raw_table(
    "contacts",
    "People: HubSpot contacts, Salesforce contacts and leads",
    _text("kind", "contact or lead"),
    _text("name", "Full name", personal=True),
    _text("email", "E-mail address, lower case", personal=True),
    _text("phone", "Phone number", personal=True),
    _text("title", "Job title"),
    _text("company_crm_id", "CRM id of the company, when the record itself names one"),
    _text("owner_crm_id", "CRM id of the owning user"),
    _text("lead_source_first", "First recorded lead source, where the CRM keeps it"),
    _text("lead_source", "Lead source as it is now"),
    _text("converted_contact_crm_id", "Salesforce: the contact that the lead became"),
    _timestamp("created_at", "When it was made (UTC)"),
)
raw_calls = _raw_table(
    "calls",
    "Phone attempts: HubSpot calls, Salesforce tasks of subtype Call",
    _text("owner_crm_id", "CRM id of the caller"),
    _text("direction", "outbound, inbound or unknown"),
    _text("disposition", "connected, left_message, no_answer, busy, wrong_number or unknown"),
    _text("status", "completed, planned, cancelled or unknown"),
    _text("response_method", "How the lead was handled, where recorded on the call"),
    _integer("duration_seconds", "Length in seconds"),
    _timestamp("called_at", "When it took place (UTC)"),
    _timestamp("created_at", "When it was logged (UTC)"),
)
raw_emails = _raw_table(
    "emails",
    "One-to-one e-mails: HubSpot emails, Salesforce EmailMessage and Task of subtype Email",
    _text("owner_crm_id", "CRM id of the sender"),
    _text("direction", "outbound, inbound or unknown"),
    _text("status", "sent, bounced, failed, draft or unknown"),
    _text("response_method", "How the lead was handled, where recorded on the e-mail"),
    _text("activity_crm_id", "Salesforce: the task that stands for the same e-mail"),
    _integer("open_count", "Opens counted by the CRM, mail privacy proxies included"),
    _integer("bot_open_count", "Opens known to be by bots or proxies; NULL where the CRM cannot tell"),
    _integer("reply_count", "Replies"),
    _timestamp("sent_at", "When it was sent (UTC)"),
    _timestamp("created_at", "When it was logged (UTC)"),
)
raw_meetings = _raw_table(
    "meetings",
    "Appointments: HubSpot meetings, Salesforce events (child copies too; core drops them)",
    _text("owner_crm_id", "CRM id of the user who holds it"),
    _text("booked_by_crm_id", "CRM id of the user who booked it"),
    _text("title", "Subject line", personal=True),
    _text("outcome", "held, no_show, cancelled, rescheduled, booked or unknown"),
    _text("field_sales_feedback", "accepted or rejected; NULL until field sales answers"),
    _text("field_sales_feedback_first", "First answer, by a property's history or a field of its own"),
    _text("reject_reason", "Reason code of a rejection"),
    _text("response_method", "How the lead was handled: call, email, form, event..."),
    _text("external_uid", "Calendar id that copies in other CRMs share"),
    _text("parent_crm_id", "Salesforce: the event that this row is an invitee's copy of"),
    _boolean("decision_maker_present", "Decision maker took part; NULL when not recorded"),
    _boolean("is_child", "Salesforce: an invitee's copy of another event"),
    _timestamp("feedback_at", "When field sales answered (UTC)"),
    _timestamp("starts_at", "Start (UTC)"),
    _timestamp("ends_at", "End (UTC)"),
    _timestamp("booked_at", "When it was booked (UTC)"),
)
raw_deals = _raw_table(
    "deals",
    "HubSpot deals, Salesforce opportunities",
    _text("name", "Name of the deal"),
    _text("owner_crm_id", "CRM id of the owner"),
    _text("company_crm_id", "CRM id of the company, when the record itself names one"),
    _text("stage", "CRM id or name of the stage"),
    _text("currency", "ISO 4217 code; NULL means the agreed currency"),
    _text("lead_source", "Lead source on the deal"),
    _text("lost_reason", "Reason code of a loss"),
    _money("amount", "Value in its own currency"),
    _date("close_date", "Expected or real close day"),
    _timestamp("created_at", "When it was made (UTC)"),
)
raw_stages = _raw_table(
    "stages",
    "Deal stages; a stage deleted in the CRM stays as a tombstone, history still names it",
    _text("pipeline", "Pipeline that it belongs to"),
    _text("label", "Name that people see"),
    _text("status", "won, lost or open"),
    _double("probability", "Win probability that the CRM gives it, 0 to 1"),
    _integer("display_order", "Position in the pipeline"),
)
raw_exchange_rates = _raw_table(
    "exchange_rates",
    "The CRM's own rates between its currencies and its home currency, each from a day on",
    _text("currency", "ISO 4217 code"),
    _text("home_currency", "Currency that the rate leads to, where the CRM names it"),
    _column("home_per_unit", RATE, "Worth of one unit in the home currency, as HubSpot says it"),
    _column("units_per_home", RATE, "Units for one of the home currency, as Salesforce says it"),
    _date("since", "First day that it holds on; NULL: always has"),
    _date("until", "First day that it no longer holds on, where the CRM says so"),
)
raw_stage_changes = Table(
    "stage_changes",
    metadata,
    _key("connection", "Name of the connection"),
    _key("object", "The CRM's object that the row came from"),
    _key("crm_id", "The CRM's id of the record that carried the change"),
    _integer("position", "Place within that record's history, 0 first", key=True),
    _text("deal_crm_id", "CRM id of the deal"),
    _text("stage", "Stage entered"),
    _money("amount", "Value of the deal then, where the CRM keeps it"),
    _timestamp("changed_at", "When it was entered (UTC)"),
    _text("sync_id", "The sync that brought this version"),
    schema="raw",
    comment="Stage history of deals: HubSpot property history, Salesforce OpportunityHistory",
)
raw_owner_changes = Table(
    "owner_changes",
    metadata,
    _key("connection", "Name of the connection"),
    _key("object", "The CRM's object that the row came from"),
    _key("crm_id", "The CRM's id of the record that carried the change"),
    _integer("position", "Place within that record's history, 0 first", key=True),
    _text("deal_crm_id", "CRM id of the deal"),
    _text("owner_crm_id", "CRM id of the user who became its owner; NULL: nobody"),
    _text("former_owner_crm_id", "CRM id of the owner before, where the CRM says so"),
    _timestamp("changed_at", "When it changed hands (UTC)"),
    _text("sync_id", "The sync that brought this version"),
    schema="raw",
    comment="Owner history of deals: HubSpot property history, Salesforce OpportunityFieldHistory",
)
raw_links = Table(
    "links",
    metadata,
    _key("connection", "Name of the connection"),
    _key("object", "The CRM's object that the row came from"),
    _key("crm_id", "The CRM's id of the record that carried the link"),
    _key("from_kind", "call, email, meeting, deal, contact, company or note"),
    _key("from_crm_id", "CRM id of the record the link starts from"),
    _key("to_kind", "contact, company, deal, user or meeting"),
    _key("to_crm_id", "CRM id of the record the link leads to"),
    _key(
        "role",
        "Association type, invitee, contact role...; 'default' when the CRM names none; merged_into from a merge's loser",
    ),
    _text("sync_id", "The sync that brought this version"),
    schema="raw",
    comment="Who was in it, what it is about: HubSpot associations, Salesforce lookups, EventRelation and contact roles",
)
raw_notes = _raw_table(
    "notes",
    "Notes on records",
    _text("owner_crm_id", "CRM id of the author"),
    _text("body", "Text", personal=True),
    _timestamp("written_at", "When it was written (UTC)"),
)

# --- core: one shape for all CRMs -------------------------------------------------------------------------------------


def _source() -> tuple[Column[Any], ...]:
    """The way back to the CRM that each core row keeps."""
    return (
        _text("connection", "Connection of the record that leads"),
        _text("crm_id", "Its id in the CRM"),
        _text("crm_url", "Opens it in the CRM"),
    )


def _segments() -> tuple[Column[Any], ...]:
    """What a number can be split by, resolved once: from the contact, the company and the activity itself."""
    return (
        _text("lead_source_first", "Lead source as first recorded; unknown when none"),
        _text("lead_source", "Lead source as it is now; unknown when none"),
        _text("response_method", "How the lead was handled; unknown when not recorded"),
        _text("industry", "Industry of the company; unknown when none"),
        _text("company_size", "1-49, 50-299, 300-999, 1000+ or unknown"),
    )


calendar = Table(
    "calendar",
    metadata,
    _date("day", "Calendar day in the team's zone", key=True),
    _date("week_start", "Monday of its week"),
    _date("month_start", "First day of its month"),
    _date("quarter_start", "First day of its fiscal quarter"),
    _date("fiscal_year_start", "First day of its fiscal year"),
    _integer("business_day", "1 on a business day, else 0"),
    _text("holiday", "Name of the public or company holiday, if any"),
    schema="core",
    comment="One row per day: periods and business days by the agreed calendar",
)
reps = Table(
    "reps",
    metadata,
    _key("rep_id", "The person: connection and CRM id of the leading user record"),
    _text("name", "Full name"),
    _text("email", "E-mail address", personal=True),
    _text("team", "Team today, or the last one"),
    _text("department", "Department of that team"),
    _boolean("is_active", "May log in to at least one CRM"),
    _date("started_date", "First day that the agreement or the CRM knows of"),
    _date("left_date", "Day after the last, when known"),
    schema="core",
    comment="One row per person who works in a CRM; the same e-mail in two CRMs is one person",
)
rep_identities = Table(
    "rep_identities",
    metadata,
    _key("connection", "Connection"),
    _key("crm_id", "CRM user or owner id"),
    _text("rep_id", "The person"),
    schema="core",
    comment="One row per CRM user: which person it is",
)
rep_teams = Table(
    "rep_teams",
    metadata,
    _key("rep_id", "The person"),
    _date("valid_from", "First day in the team", key=True),
    _date("valid_to", "Day after the last; NULL while it lasts"),
    _text("team", "Team"),
    _text("department", "Department of the team"),
    schema="core",
    comment="One row per person and time in a team; a number belongs to the team of its day",
)
companies = Table(
    "companies",
    metadata,
    _key("company_id", "Connection and CRM id"),
    *_source(),
    _text("name", "Name"),
    _text("domain", "Web domain"),
    _text("industry", "Industry; unknown when none"),
    _text("company_size", "1-49, 50-299, 300-999, 1000+ or unknown"),
    _integer("employee_count", "Number of employees"),
    schema="core",
    comment="One row per organisation and CRM",
)
contacts = Table(
    "contacts",
    metadata,
    _key("contact_id", "Connection and CRM id"),
    *_source(),
    _text("person_id", "The same person in all CRMs: smallest contact_id that shares the e-mail address"),
    _text("company_id", "Company"),
    _text("rep_id", "Owner"),
    _text("kind", "contact or lead"),
    _text("name", "Full name", personal=True),
    _text("email", "E-mail address", personal=True),
    _text("phone", "Phone number", personal=True),
    _text("title", "Job title"),
    _text("lead_source_first", "Lead source as first recorded; kept when the CRM rewrites it"),
    _text("lead_source", "Lead source as it is now"),
    _date("created_date", "Day it was made"),
    _timestamp("created_at", "When it was made (UTC)"),
    schema="core",
    comment="One row per contact or lead; merged records and converted leads are followed to the survivor",
)
calls = Table(
    "calls",
    metadata,
    _key("call_id", "Connection and CRM id"),
    *_source(),
    _text("rep_id", "Caller"),
    _text("contact_id", "Person called"),
    _text("company_id", "Company called"),
    _text("deal_id", "Deal it is about"),
    *_segments(),
    _text("direction", "outbound, inbound or unknown"),
    _text("disposition", "connected, left_message, no_answer, busy, wrong_number or unknown"),
    _text("status", "completed, planned, cancelled or unknown"),
    _integer("duration_seconds", "Length in seconds"),
    _date("called_date", "Day in the team's zone"),
    _timestamp("called_at", "When it took place (UTC)"),
    schema="core",
    comment="One row per call",
)
emails = Table(
    "emails",
    metadata,
    _key("email_id", "Connection and CRM id"),
    *_source(),
    _text("rep_id", "Sender"),
    _text("contact_id", "Recipient"),
    _text("company_id", "Company"),
    _text("deal_id", "Deal it is about"),
    *_segments(),
    _text("direction", "outbound, inbound or unknown"),
    _text("status", "sent, bounced, failed, draft or unknown"),
    _boolean("is_delivered", "Sent and not bounced"),
    _boolean("is_opened", "Opened by anybody, proxies included"),
    _boolean("is_opened_by_person", "Opened beyond what is known to be bots; NULL where the CRM cannot tell"),
    _boolean("is_replied", "Answered"),
    _date("sent_date", "Day in the team's zone"),
    _timestamp("sent_at", "When it was sent (UTC)"),
    schema="core",
    comment="One row per one-to-one e-mail",
)
meetings = Table(
    "meetings",
    metadata,
    _key("meeting_id", "Connection and CRM id of the leading copy"),
    *_source(),
    _text("rep_id", "Who booked it: the rep it is credited to"),
    _text("held_by_rep_id", "Who holds it"),
    _text("contact_id", "Person met"),
    _text("company_id", "Company met"),
    _text("deal_id", "First deal that it is about or led to"),
    *_segments(),
    _text("outcome", "held, no_show, cancelled, rescheduled, booked (still to come) or unknown (over, none recorded)"),
    _text("field_sales_feedback", "accepted or rejected; NULL until field sales answers"),
    _text("field_sales_feedback_first", "First answer, accepted or rejected, where the CRM keeps it; else the one now"),
    _text("reject_reason", "Reason code of a rejection"),
    _boolean("decision_maker_present", "Decision maker took part; NULL when not recorded"),
    _boolean("has_deal", "Linked to a deal"),
    _integer("minutes", "Planned length in minutes"),
    _integer("attendee_count", "People from the other side who are linked to it"),
    _integer("attendees_ours", "People of ours: who holds it and who is invited to it; who booked it only if invited"),
    _integer("copy_count", "CRM records that are this one meeting"),
    _date("booked_date", "Day it was booked"),
    _date("held_date", "Day it was held or is to be held"),
    _date("feedback_date", "Day field sales answered"),
    _timestamp("booked_at", "When it was booked (UTC)"),
    _timestamp("starts_at", "Start (UTC)"),
    _timestamp("ends_at", "End (UTC)"),
    schema="core",
    comment="One row per real meeting: invitees' copies and copies in other CRMs collapsed",
)
meeting_copies = Table(
    "meeting_copies",
    metadata,
    _key("connection", "Connection"),
    _key("crm_id", "CRM id of the copy"),
    _text("crm_url", "Opens it in the CRM"),
    _text("meeting_id", "The real meeting"),
    _text("reason", "leading, invitee, or other_crm"),
    schema="core",
    comment="One row per CRM record of a meeting: which real meeting it is",
)
exchange_rates = Table(
    "exchange_rates",
    metadata,
    _key("connection", "Whose deals it is for; * for a rate of team.yaml, which is for all"),
    _key("currency", "ISO 4217 code of the deal's currency"),
    _date("since_date", "First day that it holds on; 0001-01-01: always has", key=True),
    _date("until_date", "First day that it no longer holds on; NULL: still does"),
    _column("rate", RATE, "An amount in the agreed currency is the deal's amount times this ..."),
    _column("divisor", RATE, "... divided by this: a rate told the other way round stays exact"),
    schema="core",
    comment="One row per connection, currency and first day: the rate that turns a deal's amount into the agreed currency",
)
deals = Table(
    "deals",
    metadata,
    _key("deal_id", "Connection and CRM id"),
    *_source(),
    _text("rep_id", "Inside-sales rep it is credited to: who booked the first meeting before it; NULL when none"),
    _text("owner_rep_id", "Owner: the field-sales rep"),
    _text("meeting_id", "First meeting it came from"),
    _text("contact_id", "Main contact"),
    _text("company_id", "Company"),
    *_segments(),
    _text("name", "Name of the deal"),
    _text("stage", "Stage label"),
    _text("status", "won, lost or open"),
    _text("lost_reason", "Reason code of a loss"),
    _text("currency", "Currency of amount"),
    _money("amount", "Value in its own currency"),
    _money("agreed_amount", "Value in the agreed currency at the rate of the close day; NULL without one"),
    _integer("cycle_days", "Days from creation to close, 0 when it was entered later; NULL while open"),
    _date("created_date", "Day it was made"),
    _date("close_date", "Day it was won or lost, or is expected to close"),
    _timestamp("created_at", "When it was made (UTC)"),
    schema="core",
    comment="One row per deal",
)
deal_owner_changes = Table(
    "deal_owner_changes",
    metadata,
    _key("deal_id", "Deal"),
    _integer("position", "1 for the first owner that the CRM tells of", key=True),
    _text("owner_rep_id", "Rep who became the owner; NULL: nobody, or a user who is no rep"),
    _date("changed_date", "Day on which it changed hands"),
    _timestamp("changed_at", "When it changed hands (UTC)"),
    schema="core",
    comment="One row per deal and owner: who had it, from when on; deals whose CRM keeps no history have no row",
)
deal_stage_changes = Table(
    "deal_stage_changes",
    metadata,
    _key("deal_id", "Deal"),
    _integer("position", "1 for the first stage", key=True),
    _text("from_stage", "Stage label before; NULL at first"),
    _text("stage", "Stage label entered"),
    _text("status", "won, lost or open"),
    _date("changed_date", "Day in the team's zone"),
    _timestamp("changed_at", "When (UTC)"),
    schema="core",
    comment="One row per deal and stage entered, in order; repeated entries of the same stage in a row are one",
)
links = Table(
    "links",
    metadata,
    _key("from_kind", "call, email, meeting, deal, contact or note"),
    _key("from_id", "Id in core"),
    _key("to_kind", "contact, company, deal, rep or meeting"),
    _key("to_id", "Id in core"),
    _key("role", "Association type, invitee, contact role; 'default' when none"),
    schema="core",
    comment="One row per link between two records, merges followed",
)
notes = Table(
    "notes",
    metadata,
    _key("note_id", "Connection and CRM id"),
    *_source(),
    _text("rep_id", "Author"),
    _text("body", "Text", personal=True),
    _date("written_date", "Day in the team's zone"),
    _timestamp("written_at", "When (UTC)"),
    schema="core",
    comment="One row per note",
)

# --- kpi: what the agreement makes of it ------------------------------------------------------------------------------

kpis = Table(
    "kpis",
    metadata,
    _key("kpi_id", "KPI, as every table of numbers names it"),
    _integer("display_order", "Place in the agreement, from 1: sort by it"),
    _text("label_en", "Name in English"),
    _text("label_ja", "Name in Japanese"),
    _text("description_en", "What it counts, in English"),
    _text("description_ja", "What it counts, in Japanese"),
    _text("phase", "Phase that it belongs to: launch, stable or mature"),
    _text(
        "kind",
        "count or sum: add up numerator. rate or mean: sum of numerator / sum of denominator. product: kpi_periods only",
    ),
    _text("unit", "calls, emails, meetings, deals, money, money_per_day, days or fraction"),
    _text("better", "higher or lower: which way is good"),
    _text("definition", "Definition behind it; NULL when it needs none"),
    _text("department", "Department that answers for it"),
    _text("guard_kpi_id", "KPI that must not fall while this one rises"),
    schema="kpi",
    comment="One row per KPI of the agreement: its names, and how its numbers are added up",
)
definition_rules = Table(
    "definition_rules",
    metadata,
    _key("definition", "Definition, such as valid_meeting"),
    _integer("version", "Version of it", key=True),
    _key("rule_id", "Rule"),
    _integer("display_order", "Place in the definition, from 1: sort by it"),
    _text("label_en", "Name in English"),
    _text("label_ja", "Name in Japanese"),
    _text("condition_en", "The whole condition in English words"),
    _text("condition_ja", "The whole condition in Japanese words"),
    _text("severity", "critical decides the verdict; warning is shown and counted"),
    _date("valid_from", "First day on which the version holds"),
    _date("valid_to", "First day of the next version; NULL while it holds"),
    _text("agreed_by", "Departments that signed, comma separated"),
    _date("agreed_date", "Last signature"),
    schema="kpi",
    comment="One row per rule of each signed version of a definition, in words",
)
scopes = Table(
    "scopes",
    metadata,
    _key("scope_kind", "department, team or rep"),
    _key("scope_id", "Id of the department, team or rep, as every table of numbers names it"),
    _text("label_en", "Name in English; of a rep the name in the CRM"),
    _text("label_ja", "Name in Japanese; of a rep the name in the CRM"),
    _text("department", "Department that it is or belongs to; of a rep today's"),
    _text("team", "Team that it is or belongs to, of a rep today's; NULL for departments"),
    schema="kpi",
    comment="One row per department, team and rep, and one unknown of each: the names of those whom numbers are told for",
)
meeting_rule_results = Table(
    "meeting_rule_results",
    metadata,
    _key("meeting_id", "Meeting"),
    _key("rule_id", "Rule of the definition in force on the meeting's day; its name is in kpi.definition_rules"),
    _integer("definition_version", "Version that judged"),
    _text("severity", "critical decides the verdict; warning is shown and counted"),
    _text("outcome", "pass, fail or waiting"),
    _text("observed", "Value seen, as text; NULL when there was none"),
    _date("waiting_until_date", "Last day on which a missing answer still counts as waiting"),
    schema="kpi",
    comment="One row per meeting and rule",
)
meeting_verdicts = Table(
    "meeting_verdicts",
    metadata,
    _key("meeting_id", "Meeting"),
    _text("connection", "Connection"),
    _text("crm_id", "CRM id"),
    _text("crm_url", "Opens it in the CRM"),
    _text("rep_id", "Who booked it"),
    _text("team", "Team of that rep on the counted day"),
    _text("verdict", "valid, invalid or pending"),
    _text("failed_rules", "Ids of the critical rules that failed, in the definition's order, comma separated"),
    _text("waiting_rules", "Ids of the critical rules that wait for an answer, comma separated"),
    _text("warned_rules", "Ids of the warning rules that failed, comma separated"),
    _integer("definition_version", "Version in force on the counted day; NULL when none was"),
    _date("counted_date", "The day that decides version and period"),
    _date("booked_date", "Day it was booked"),
    _date("held_date", "Day it was held or is to be held"),
    _date("pending_until_date", "Last day on which it stays pending without an answer"),
    schema="kpi",
    comment="One row per meeting: the verdict and why",
)
rule_results = Table(
    "rule_results",
    metadata,
    _key("definition", "Name of the definition"),
    _key("record_id", "Record judged: its id in core"),
    _key("rule_id", "Rule of the definition in force on the record's day; its name is in kpi.definition_rules"),
    _integer("definition_version", "Version that judged"),
    _text("severity", "critical decides the verdict; warning is shown and counted"),
    _text("outcome", "pass, fail or waiting"),
    _text("observed", "Value seen, as text; NULL when there was none"),
    _date("waiting_until_date", "Last day on which a missing answer still counts as waiting"),
    schema="kpi",
    comment="One row per definition, record and rule, but for the definition of kpi.meeting_rule_results",
)
verdicts = Table(
    "verdicts",
    metadata,
    _key("definition", "Name of the definition"),
    _key("record_id", "Record judged: its id in core"),
    _text("event", "What it is: calls, emails, meetings or deals"),
    _text("connection", "Connection"),
    _text("crm_id", "CRM id"),
    _text("crm_url", "Opens it in the CRM"),
    _text("rep_id", "Rep it is credited to"),
    _text("team", "Team of that rep on the counted day"),
    _text("verdict", "valid, invalid or pending"),
    _text("failed_rules", "Ids of the critical rules that failed, in the definition's order, comma separated"),
    _text("waiting_rules", "Ids of the critical rules that wait for an answer, comma separated"),
    _text("warned_rules", "Ids of the warning rules that failed, comma separated"),
    _integer("definition_version", "Version in force on the counted day; NULL when none was"),
    _date("counted_date", "The day that decides version and period"),
    _date("pending_until_date", "Last day on which it stays pending without an answer"),
    schema="kpi",
    comment="One row per definition and record, but for the definition of kpi.meeting_verdicts: the verdict and why",
)
feedback = Table(
    "feedback",
    metadata,
    _date("month_start", "Month of the meeting's day", key=True),
    _key("rep_id", "Who booked it; unknown when none"),
    _key("held_by_rep_id", "Field-sales rep who held it; unknown when none"),
    _key("failed_rules", "Critical rules, but for those on the feedback itself, that failed; none when all passed"),
    _key("reject_reason", "Reason code of the rejections; none for other answers and where none was given"),
    _text("team", "Team of the rep who booked it, at the month's last such meeting"),
    _integer("accepted_count", "Field sales accepted it"),
    _integer("rejected_count", "Field sales rejected it"),
    _integer("silent_count", "Field sales did not answer in the agreed time"),
    _integer("waiting_count", "The time for an answer is not over"),
    schema="kpi",
    comment="One row per month, booker, field-sales rep, failed rules and reason: what field sales said of held meetings",
)
disagreements = Table(
    "disagreements",
    metadata,
    _key("meeting_id", "Meeting"),
    _text("crm_url", "Opens it in the CRM"),
    _text("rep_id", "Who booked it"),
    _text("held_by_rep_id", "Field-sales rep who held it"),
    _text(
        "kind", "rejected_but_passes or accepted_but_fails: people and the other critical rules say different things"
    ),
    _text("failed_rules", "Critical rules, but for those on the feedback itself, that failed; NULL when all passed"),
    _text("reject_reason", "Reason code of the rejection"),
    _integer("definition_version", "Version that judged"),
    _date("held_date", "Day of the meeting"),
    schema="kpi",
    comment="One row per held meeting of which field sales and the definition think differently: a list for the next review",
)
kpi_daily = Table(
    "kpi_daily",
    metadata,
    _text("kpi_id", "KPI"),
    _date("counted_date", "Day that it counts on, in the team's zone"),
    _text("rep_id", "Rep it is credited to; unknown when none"),
    _text("team", "Team of the rep on that day; unknown when none"),
    _text("department", "Department of that team"),
    *_segments(),
    _integer("definition_version", "Version of the definition behind it; NULL when none is"),
    _column("numerator", Numeric(20, 4), "Counted or summed; add these up, then divide"),
    _column("denominator", Numeric(20, 4), "What it is a share of; NULL for counts and sums"),
    schema="kpi",
    comment="One row per KPI, day, rep, team, segments and definition version: the facts that every number adds up from",
)


def _period() -> tuple[Column[Any], ...]:
    return (
        _key("period_kind", "week, month, quarter or fiscal_year"),
        _date("period_start", "First day", key=True),
        _date("period_end", "Day after the last"),
        _key("scope_kind", "department, team or rep"),
        _key("scope_id", "Id of the department, team or rep"),
    )


def _measures(prefix: str, what: str) -> tuple[Column[Any], ...]:
    return (
        _double(f"{prefix}actual", f"{what}: its value, up to as_of"),
        _double(f"{prefix}target", f"{what}: agreed target of the whole period; NULL when none"),
        _double(f"{prefix}attainment", f"{what}: actual / target, a fraction"),
        _double(f"{prefix}expected_to_date", f"{what}: part of the target that is due by as_of, by business days"),
        _text(f"{prefix}status", f"{what}: ahead, on_track, at_risk, off, too_little_data, untrusted or no_target"),
    )


kpi_periods = Table(
    "kpi_periods",
    metadata,
    _key("kpi_id", "KPI"),
    *_period(),
    _text("phase", "Phase that the KPI belongs to"),
    _text("guard_kpi_id", "KPI that must not fall while this one rises"),
    _double("numerator", "Sum over the period"),
    _double("denominator", "Sum over the period; NULL for counts and sums"),
    *_measures("", "The KPI"),
    _double("previous", "The same number of the period before, up to the same share of its business days"),
    _double("median", "Of a mean: the median of the same records, beside the mean; NULL for other kinds"),
    _text(
        "guard_note",
        "guard_fell: this number rose against the period before while its guard got worse by more than noise; else NULL",
    ),
    _text("definition_versions", "Versions behind it, comma separated"),
    _date("as_of", "Day that it was computed for"),
    schema="kpi",
    comment="One row per KPI, period and scope: the number beside its target",
)

# The standard KPIs of each phase and their guards, in the order shown. A team's own KPIs stand in kpi_periods.
PHASE_KPIS: dict[str, tuple[str, ...]] = {
    "launch": ("calls_made", "connect_rate", "email_open_rate", "email_open_rate_by_person", "reply_rate"),
    "stable": (
        "meetings_booked",
        "meetings_held",
        "valid_meetings",
        "valid_rate",
        "field_sales_acceptance",
        "no_show_rate",
        "meeting_to_won",
    ),
    "mature": (
        "deals_won",
        "won_amount",
        "win_rate_by_close_date",
        "win_rate_by_cohort",
        "average_deal",
        "sales_cycle_days",
        "pipeline_velocity",
    ),
}


def _phase_table(phase: str) -> Table:
    return Table(
        f"{phase}_phase",
        metadata,
        *_period(),
        *(column for kpi_id in PHASE_KPIS[phase] for column in _measures(f"{kpi_id}_", kpi_id)),
        _date("as_of", "Day that it was computed for"),
        schema="kpi",
        comment=f"One row per period and scope: the {phase} phase's KPIs beside their guards",
    )


launch_phase = _phase_table("launch")
stable_phase = _phase_table("stable")
mature_phase = _phase_table("mature")
PHASE_TABLES: dict[str, Table] = {"launch": launch_phase, "stable": stable_phase, "mature": mature_phase}

targets = Table(
    "targets",
    metadata,
    _key("kpi_id", "KPI"),
    *_period(),
    _double("value", "Agreed target of the period"),
    _text("agreed_by", "Departments that signed, comma separated"),
    _date("agreed_date", "Last signature"),
    schema="kpi",
    comment="One row per KPI, period and scope with an agreed target",
)
plan = Table(
    "plan",
    metadata,
    _key("kpi_id", "Step of the chain from the goal: won_amount, deals_won, valid_meetings, ..., calls_made"),
    *_period(),
    _text("goal_id", "KGI that it is worked back from"),
    _double("needed", "What must happen in this period for the goal; NULL when there is too little data"),
    _double("needed_lower", "Low end of the 90 % interval"),
    _double("needed_upper", "High end of the 90 % interval"),
    _double("needed_per_rep_day", "What is left of it, per rep and business day left"),
    _double("realism_percentile", "Share of the own past periods that reached it less or as much, 0 to 1"),
    _boolean("is_realistic", "Not above the agreed percentile"),
    _integer("sample_size", "Matured cases behind the rate used; says how sure it is"),
    _text("assumptions", "Rates, lags and months used, in words"),
    _date("as_of", "Day that it was computed for"),
    schema="kpi",
    comment="One row per step of the chain, period and scope: the goal worked back",
)
pace_weights = Table(
    "pace_weights",
    metadata,
    _key("kpi_id", "KPI"),
    _date("day", "Day", key=True),
    _double(
        "weight",
        "How much of a period's work falls on it: 0 on a day off; rhythm of week and month from the own history",
    ),
    _date("as_of", "Day that it was computed for"),
    schema="kpi",
    comment="One row per KPI and day: expected_to_date is target x weights up to as_of / weights of the period",
)
divergence = Table(
    "divergence",
    metadata,
    _key("kpi_id", "KPI"),
    *_period(),
    _date("evaluated_date", "Night's as_of", key=True),
    _double("actual", "Counted up to evaluated_date"),
    _double("target", "Agreed target"),
    _double("expected_to_date", "Due by evaluated_date"),
    _double("forecast_lower", "5th percentile of the period's end"),
    _double("forecast", "Median"),
    _double("forecast_upper", "95th percentile"),
    _double("p_reach", "Probability to reach the target, 0 to 1"),
    _text("state", "ahead, on_track, at_risk, off, too_little_data or untrusted"),
    _text("raw_state", "State before hysteresis and successive evaluations"),
    _text("reason", "Why, in one English sentence"),
    _text("definition_version", "Versions behind the actual, comma separated"),
    _double(
        "evidence_score",
        "Standard errors by which the last 20 and 40 business days part from what was due, the milder; NULL when not judged",
    ),
    schema="kpi",
    comment="One row per KPI, period, scope and night: where it stands and how sure that is",
)


def _cause_parts() -> tuple[Column[Any], ...]:
    return (
        _key("split", "funnel, or the segment: lead_source, response_method, rep, industry; data when a sync is stale"),
        _key("part", "Factor or segment value"),
        _key("effect", "factor, mix, rate, leaver, definition, calendar or stale_sync"),
        _double("contribution", "Part of the gap, in the KPI's unit; the parts of one split add up to gap"),
    )


def _cause_evidence() -> tuple[Column[Any], ...]:
    return (
        _double("lower", "Low end of the 90 % interval of contribution"),
        _double("upper", "High end"),
        _boolean("is_significant", "More than noise"),
        _integer("rank", "1 for the largest that points the way of the gap and is significant"),
        _text("evidence_ids", "Up to 20 core ids behind it, comma separated"),
        _text("evidence", "Figures behind it, in one English sentence"),
    )


causes = Table(
    "causes",
    metadata,
    _key("kpi_id", "KPI whose gap is split"),
    *_period(),
    _date("evaluated_date", "Night's as_of", key=True),
    *_cause_parts(),
    _double("gap", "Actual minus expected_to_date"),
    *_cause_evidence(),
    schema="kpi",
    comment="One row per part of a gap",
)
period_changes = Table(
    "period_changes",
    metadata,
    _key("kpi_id", "KPI whose change is split"),
    *_period(),
    _date("evaluated_date", "Night's as_of", key=True),
    *_cause_parts(),
    _double("gap", "Actual minus previous"),
    *_cause_evidence(),
    _date("previous_start", "First day of the period before"),
    _double("previous", "Its value; of counts and sums the share of it that lies in as many weekdays"),
    schema="kpi",
    comment="One row per part of the change of a month or quarter so far against the one before, as kpi.causes splits the gap to target",
)
changes = Table(
    "changes",
    metadata,
    _date("evaluated_date", "Night's as_of", key=True),
    _key("scope_kind", "department or team"),
    _key("scope_id", "Whose"),
    _key("kpi_id", "KPI whose level is watched"),
    _key("split", "team (the whole scope), lead_source, rep, connection or definition"),
    _key("part", "Segment value; the scope itself for team"),
    _text("kind", "count, rate, pace or definition: which threshold holds"),
    _double("score", "Standard errors from the own past; negative is worse: no_show_rate is watched by those who came"),
    _double("score_before", "The same one business day earlier"),
    _integer("window_business_days", "Length of the window that shows it most"),
    _double("observed", "Counted in the window; of no_show_rate those who came"),
    _double("expected", "By the level of the half year before"),
    _double("cases", "Of how many, for rates; NULL for counts"),
    _date("since_date", "First day of the window"),
    schema="kpi",
    comment="One row per watched series and night: has its level changed against the own past, without any target",
)
alerts = Table(
    "alerts",
    metadata,
    _key("alert_id", "KPI, scope, period and the day it opened"),
    _text("kpi_id", "KPI"),
    _text("period_kind", "Kind of period"),
    _date("period_start", "First day of the period"),
    _text("scope_kind", "department, team or rep"),
    _text("scope_id", "Whose"),
    _text("state", "open, acknowledged, snoozed, resolved or closed"),
    _text("divergence_state", "State of the newest evaluation"),
    _text("worst_state", "Worst state over its life"),
    _text("silenced_by", "Alert of a parent scope that covers this one"),
    _text("cause", "First significant cause, as split:part:effect; NULL when none is"),
    _text("acknowledged_by", "Who"),
    _text("acknowledged_why", "Why"),
    _double("gap", "Actual minus expected at the newest evaluation"),
    _double("p_reach", "Probability to reach the target at the newest evaluation"),
    _date("opened_date", "Night it opened"),
    _date("worsened_date", "Last night it got worse"),
    _date("notified_date", "Last night of which a message was due"),
    _date("snoozed_until_date", "Silent until"),
    _date("reminded_date", "Last night on which a snooze was over and it still stood"),
    _date("resolved_date", "Night it resolved"),
    _date("evaluated_date", "Newest evaluation"),
    _text("kind", "target: actual and target part; change: a level left its own past"),
    _text("evidence", "The first cause in one English sentence"),
    _text("proposal", "act, reset_target or wait; NULL when it is over"),
    _text("proposal_lever", "What to act on, as the cause names it"),
    _double(
        "proposal_value",
        "act: how much more is needed, of a rate which; reset_target: the target proposed; wait: what should be seen",
    ),
    _date("proposal_date", "By when"),
    _text("proposal_ja", "The proposal in one Japanese sentence"),
    _text("proposal_en", "The proposal in one English sentence"),
    _text("leads_to", "Current KPI that shows a change later; NULL when this is no leading one"),
    _integer("lead_days", "Median days until it does"),
    _date("closed_date", "Night it was closed"),
    _text("closed_why", "period_over, or by a review: target_reset, phase_moved"),
    schema="kpi",
    comment="One row per alert, over its life",
)
alert_events = Table(
    "alert_events",
    metadata,
    _key("alert_id", "Alert"),
    _date("event_date", "Day of the event", key=True),
    _key("event", "opened, notified, acknowledged, snoozed, reminded, worsened, resolved or closed"),
    _integer("number", "Which of the day: a person may act twice", key=True),
    _text("by", "Who, when a person did it"),
    _text("detail", "Why, or the state it came to; of closed what closed it, of opened the cause"),
    schema="kpi",
    comment="One row per thing that happened to an alert: its history",
)
phase_status = Table(
    "phase_status",
    metadata,
    _key("phase", "Phase"),
    _key("condition", "Condition of the gate to the next phase"),
    _date("evaluated_date", "Night's as_of", key=True),
    _boolean("is_current", "The team is in this phase"),
    _boolean("is_met", "Condition met"),
    _text("figure", "The figure that decides, in words"),
    _text("kpi_id", "Current KPI of the phase"),
    _text("proposal", "stay, next_kpi, advance, smaller_goal or reset_target; people decide, by signing"),
    _text("proposed_phase", "Phase that the proposal leads to"),
    _text("proposed_kpi_id", "KPI that the proposal leads to"),
    _double("proposed_target", "Target per period that is proposed; NULL when it stays"),
    _text("reason", "Why, in words: what is missing, or what speaks for it"),
    schema="kpi",
    comment="One row per phase and gate condition, each night",
)
snapshots = Table(
    "snapshots",
    metadata,
    _key("kpi_id", "KPI"),
    *_period(),
    _date("known_date", "Night it was known", key=True),
    _double("numerator", "As known then"),
    _double("denominator", "As known then"),
    _double("value", "As known then"),
    _text("definition_versions", "Versions behind it, comma separated"),
    _boolean("is_backfilled", "Worked out on a later day from the records as they stood then: a night that was missed"),
    schema="kpi",
    comment="One row per KPI, period, scope and night: append-only, what was known then",
)

record_history = Table(
    "record_history",
    metadata,
    _key("measure_id", "What is counted: digest of the measure's text in kpis.yaml"),
    _key("record_id", "Id in core of the call, e-mail, meeting or deal"),
    _date("known_date", "Night of which this is known; it holds until the next row of the record", key=True),
    _boolean("is_counted", "It counts; false from the night on which it no longer does"),
    _date("counted_date", "Day that it counts on"),
    _text("rep_id", "Rep it is credited to"),
    _text("team", "Team of the rep on that day"),
    _text("department", "Department of that team"),
    _integer("definition_version", "Version of the definition behind it; NULL when none is"),
    _column("amount", Numeric(20, 4), "What it adds: 1, or the column that is summed"),
    schema="kpi",
    comment="One row per measure and record, and one more for each night on which it counted differently: append-only",
)
cohorts = Table(
    "cohorts",
    metadata,
    _key(
        "cohort_kind", "first_touch: people by the month of their first activity; booking: meetings by the month booked"
    ),
    _date("cohort_month", "First day of that month", key=True),
    _key("lead_source_first", "Lead source as first recorded; unknown when none"),
    _key("step", "booked, held, valid, deal or won"),
    _integer("age_days", "Days since the first touch or booking", key=True),
    _integer("cohort_size", "People or meetings in the cohort"),
    _integer("at_risk", "Of them old enough: that many days had passed by as_of"),
    _integer("converted", "Of those at risk: reached the step within that many days"),
    _double("conversion", "converted / at_risk; NULL while none is old enough"),
    _boolean("is_matured", "The whole cohort is old enough"),
    _date("as_of", "Day that it was computed for"),
    schema="kpi",
    comment="One row per cohort, lead source, step and age: add converted and at_risk up over lead sources, then divide",
)
qualitative = Table(
    "qualitative",
    metadata,
    _key("period_kind", "month or quarter"),
    _date("period_start", "First day", key=True),
    _date("period_end", "Day after the last"),
    _key("scope_kind", "department, team or rep"),
    _key("scope_id", "Id of the department, team or rep; unknown when none"),
    _key("kind", "response_method, lead_source, reject_reason or lost_reason"),
    _key("code", "The code recorded; unknown when none"),
    _integer("booked", "Meetings booked in the period"),
    _integer("held", "Meetings held in the period"),
    _integer("valid", "Of those with a day in the period: valid by the signed definition"),
    _integer("rejected", "Held meetings that field sales rejected"),
    _integer("deals", "Deals made in the period"),
    _integer("won", "Deals won in the period"),
    _integer("lost", "Deals lost in the period"),
    _integer("notes", "Notes written in the period on such meetings and deals, or their people"),
    _money("won_amount", "Value of the deals won, in the agreed currency"),
    _date("as_of", "Day that it was computed for"),
    schema="kpi",
    comment="One row per period, scope, kind and code: how leads were handled, where they came from, why not, and what came of it",
)

# --- ops: what the pipeline did ---------------------------------------------------------------------------------------

sync_runs = Table(
    "sync_runs",
    metadata,
    _key("sync_id", "Sync"),
    _text("connection", "Connection"),
    _text("status", "done, or partial when records went to quarantine"),
    _boolean("is_full", "Full refresh"),
    _integer("landed_count", "Records landed"),
    _integer("changed_count", "Records new or different"),
    _integer("quarantined_count", "Records put aside"),
    _text("field_map_digest", "Field map that typed its records; another one types all of them anew"),
    _timestamp("started_at", "Start of the extraction (UTC)"),
    _timestamp("extracted_at", "End of the extraction (UTC)"),
    schema="ops",
    comment="One row per sync that reached the warehouse",
)
cursors = Table(
    "cursors",
    metadata,
    _key("connection", "Connection"),
    _key("object", "CRM object"),
    _timestamp("cursor_at", "Everything modified before this is in the warehouse (UTC)"),
    _text("sync_id", "Sync that moved it"),
    schema="ops",
    comment="One row per connection and object: where the next sync starts",
)
reconciliation = Table(
    "reconciliation",
    metadata,
    _key("sync_id", "Sync"),
    _key("connection", "Connection"),
    _key("object", "CRM object"),
    _timestamp("window_start", "Start of the window; NULL when everything was asked for (UTC)"),
    _timestamp("window_end", "End of the window (UTC)"),
    _integer("crm_count", "Records that the CRM says are in the window; NULL when it cannot say"),
    _integer("landed_count", "Distinct records landed"),
    _integer("changed_count", "Records that were new or different"),
    _integer("quarantined_count", "Records put aside"),
    _boolean("is_matched", "crm_count is landed_count, and what was put aside"),
    schema="ops",
    comment="One row per sync, object and window: proof that nothing was lost",
)
refused_syncs = Table(
    "refused_syncs",
    metadata,
    _key("sync_id", "Sync"),
    _text("connection", "Connection"),
    _text("reason", "Why nothing of it was kept"),
    _timestamp("refused_at", "When (UTC)"),
    schema="ops",
    comment="One row per sync that landed and was not kept: its counts did not fit, or its files are damaged; cursors stayed",
)
source_fields = Table(
    "source_fields",
    metadata,
    _key("connection", "Connection"),
    _key("object", "CRM object"),
    _key("field", "Field, as the CRM names it"),
    _text("type", "Type, as the CRM names it"),
    _timestamp("first_seen_at", "When a sync first saw it (UTC)"),
    _timestamp("last_seen_at", "When a sync last saw it (UTC)"),
    _timestamp("gone_at", "When a sync first missed it: deleted, or hidden from this user (UTC)"),
    schema="ops",
    comment="One row per field that a CRM object has or had: what changed in the CRM's schema, and when",
)
source_changes = Table(
    "source_changes",
    metadata,
    _key("sync_id", "Sync that saw it"),
    _key("connection", "Connection"),
    _key("object", "CRM object"),
    _key("field", "Field, as the CRM names it"),
    _text("change", "new, gone or type"),
    _text("detail", "What changed, in words"),
    schema="ops",
    comment="One row per change of a CRM's schema that a sync saw",
)
quarantine = Table(
    "quarantine",
    metadata,
    _key("connection", "Connection"),
    _key("object", "CRM object"),
    _key("record_id", "CRM id"),
    _key("field", "Canonical field that could not be read"),
    _text("reason", "What is wrong and what is allowed"),
    _text("value", "The value seen", personal=True),
    _text("payload", "The record as received (JSON)", personal=True),
    _text("sync_id", "Sync that brought it"),
    schema="ops",
    comment="One row per bad field of a record that is kept aside until the record or the field map changes",
)
check_results = Table(
    "check_results",
    metadata,
    _key("check_name", "Check"),
    _date("as_of", "Night", key=True),
    _boolean("is_passed", "Passed"),
    _text("severity", "error or warning"),
    _integer("failed_count", "Rows that failed"),
    _text("detail", "Result in one sentence"),
    schema="ops",
    comment="One row per data check and night",
)
alert_actions = Table(
    "alert_actions",
    metadata,
    _key("alert_id", "Alert"),
    _timestamp("acted_at", "When (UTC)", key=True),
    _text("action", "acknowledge or snooze"),
    _text("by", "Who"),
    _text("why", "Why"),
    _date("until_date", "Snooze: until"),
    schema="ops",
    comment="One row per thing that a person did to an alert",
)
notifications = Table(
    "notifications",
    metadata,
    _key("alert_id", "Alert"),
    _key("event", "opened, worsened, reminded or resolved"),
    _date("event_date", "Night of the event", key=True),
    _key("channel", "Digest of the channel's address; never the address itself"),
    _text("status", "due, sending, sent, failed, or withheld: somebody took it on or snoozed it before it was sent"),
    _integer("attempt_count", "How often it was tried"),
    _timestamp("sent_at", "When it went out (UTC)"),
    schema="ops",
    comment="One row per message and channel: what was sent, so that nothing is sent twice",
)

SCHEMAS = ("raw", "core", "kpi", "ops")
