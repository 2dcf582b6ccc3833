"""Rows and agreements with one change each. A row has every column of its table; what is not named is NULL or a plain default."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from definitions_contract.schema import (
    Agreement,
    Department,
    ExchangeRate,
    KpiAgreement,
    Label,
    Membership,
    PhaseAgreement,
    TargetAgreement,
    Team,
    TeamAgreement,
)
from models import tables
from models.context import BuildContext, ConnectionFacts

AS_OF = date(2026, 9, 30)
KNOWN_AT = datetime(2026, 9, 30, 17, 0, tzinfo=UTC)  # 02:00 of the next day in Tokyo
BOTH = ("inside_sales", "field_sales")
CONNECTIONS = (
    ConnectionFacts(name="hs", crm="hubspot", record_url="https://hs.example/{object}/{id}"),
    ConnectionFacts(name="sf", crm="salesforce", record_url="https://sf.example/{object}/{id}"),
)
SEGMENTS: Mapping[str, Any] = {
    "lead_source_first": "web",
    "lead_source": "web",
    "response_method": "call",
    "industry": "software",
    "company_size": "50-299",
}


def label(text: str) -> Label:
    return Label(ja=text, en=text)


def a_team(**changes: Any) -> TeamAgreement:
    """Two inside-sales teams and one of field sales, by CRM team; rates for US dollars."""
    values: dict[str, Any] = {
        "zone": "Asia/Tokyo",
        "country": "JP",
        "fiscal_year_start_month": 4,
        "currency": "JPY",
        "exchange_rates": (
            ExchangeRate(currency="USD", rate=Decimal(140), since=date(2025, 4, 1)),
            ExchangeRate(currency="USD", rate=Decimal(150), since=date(2026, 4, 1)),
        ),
        "departments": (
            Department(id="inside_sales", label=label("Inside sales"), function="inside_sales"),
            Department(id="field_sales", label=label("Field sales"), function="field_sales"),
        ),
        "teams": (
            Team(id="is_east", label=label("East"), department="inside_sales"),
            Team(id="is_west", label=label("West"), department="inside_sales"),
            Team(id="fs", label=label("Field"), department="field_sales"),
        ),
        "members": (
            Membership(team="is_east", crm_team="Inside Sales East"),
            Membership(team="is_west", crm_team="Inside Sales West"),
            Membership(team="fs", crm_team="Field Sales"),
        ),
    }
    return TeamAgreement(**(values | changes))


def an_agreement(**changes: Any) -> Agreement:
    values: dict[str, Any] = {
        "team": a_team(),
        "kpis": KpiAgreement(agreed_between=BOTH, kpis=()),
        "targets": TargetAgreement(agreed_between=BOTH, targets=()),
        "phases": PhaseAgreement(
            agreed_between=BOTH,
            department="inside_sales",
            current_phase="stable",
            current_kpi="valid_meetings",
            since=date(2026, 4, 1),
            phases=(),
        ),
        "definitions": (),
    }
    return Agreement(**(values | changes))


def a_context(**changes: Any) -> BuildContext:
    values: dict[str, Any] = {
        "agreement": an_agreement(),
        "as_of": AS_OF,
        "known_at": KNOWN_AT,
        "connections": CONNECTIONS,
    }
    return BuildContext(**(values | changes))


def at(text: str) -> datetime:
    """Give a moment in UTC; text without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def row_of(table: sa.Table, **changes: Any) -> dict[str, Any]:
    """Give a row of any table: NULL but for the changes."""
    unknown = set(changes) - set(table.columns.keys())
    assert not unknown, f"{table.name} has no {sorted(unknown)}"
    return {name: changes.get(name) for name in table.columns.keys()}  # noqa: SIM118 - a ColumnCollection gives columns


def insert(connection: sa.Connection, table: sa.Table, *rows: Mapping[str, Any]) -> None:
    """Put rows into a table."""
    if rows:
        connection.execute(sa.insert(table), [dict(row) for row in rows])


# --- core rows --------------------------------------------------------------------------------------------------------


def a_call(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "call_id": "hs:1",
        "connection": "hs",
        "crm_id": "1",
        "crm_url": "https://hs.example/calls/1",
        "rep_id": "hs:r1",
        "direction": "outbound",
        "disposition": "connected",
        "status": "completed",
        "duration_seconds": 60,
        "called_date": date(2026, 9, 1),
        "called_at": at("2026-09-01T01:00"),
        **SEGMENTS,
    }
    return row_of(tables.calls, **(values | changes))


def an_email(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "email_id": "hs:1",
        "connection": "hs",
        "crm_id": "1",
        "crm_url": "https://hs.example/emails/1",
        "rep_id": "hs:r1",
        "direction": "outbound",
        "status": "sent",
        "is_delivered": True,
        "is_opened": False,
        "is_replied": False,
        "sent_date": date(2026, 9, 1),
        "sent_at": at("2026-09-01T01:00"),
        **SEGMENTS,
    }
    return row_of(tables.emails, **(values | changes))


def a_meeting(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "meeting_id": "hs:1",
        "connection": "hs",
        "crm_id": "1",
        "crm_url": "https://hs.example/meetings/1",
        "rep_id": "hs:r1",
        "held_by_rep_id": "hs:f1",
        "contact_id": "hs:c1",
        "company_id": "hs:o1",
        "outcome": "held",
        "field_sales_feedback": "accepted",
        "decision_maker_present": True,
        "has_deal": False,
        "minutes": 30,
        "attendee_count": 1,
        "copy_count": 1,
        "booked_date": date(2026, 9, 1),
        "held_date": date(2026, 9, 8),
        "feedback_date": date(2026, 9, 9),
        "booked_at": at("2026-09-01T01:00"),
        "starts_at": at("2026-09-08T01:00"),
        "ends_at": at("2026-09-08T01:30"),
        **SEGMENTS,
    }
    return row_of(tables.meetings, **(values | changes))


def a_deal(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "deal_id": "hs:1",
        "connection": "hs",
        "crm_id": "1",
        "crm_url": "https://hs.example/deals/1",
        "rep_id": "hs:r1",
        "owner_rep_id": "hs:f1",
        "meeting_id": "hs:1",
        "contact_id": "hs:c1",
        "company_id": "hs:o1",
        "name": "A deal",
        "stage": "Closed won",
        "status": "won",
        "currency": "JPY",
        "amount": Decimal(1_000_000),
        "agreed_amount": Decimal(1_000_000),
        "cycle_days": 20,
        "created_date": date(2026, 9, 1),
        "close_date": date(2026, 9, 21),
        "created_at": at("2026-09-01T01:00"),
        **SEGMENTS,
    }
    return row_of(tables.deals, **(values | changes))


# --- typed raw rows ---------------------------------------------------------------------------------------------------


def a_raw(table: sa.Table, crm_id: str, **changes: Any) -> dict[str, Any]:
    """Give a live row of a typed raw table, of HubSpot unless told otherwise."""
    values: dict[str, Any] = {
        "connection": "hs",
        "object": table.name,
        "crm_id": crm_id,
        "modified_at": at("2026-09-01T00:00"),
        "is_deleted": False,
        "sync_id": "sync-1",
    }
    return row_of(table, **(values | changes))


def a_raw_user(crm_id: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": f"User {crm_id}",
        "email": f"{crm_id}@demo-company.example",
        "is_active": True,
        "kind": "person",
        "crm_team": "Inside Sales East",
        "created_at": at("2025-04-01T00:00"),
    }
    return a_raw(tables.raw_users, crm_id, **(values | changes))


def a_raw_meeting(crm_id: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "owner_crm_id": "f1",
        "booked_by_crm_id": "r1",
        "title": "First talk",
        "outcome": "held",
        "booked_at": at("2026-09-01T01:00"),
        "starts_at": at("2026-09-08T01:00"),
        "ends_at": at("2026-09-08T01:30"),
    }
    return a_raw(tables.raw_meetings, crm_id, **(values | changes))


def a_raw_link(from_kind: str, from_crm_id: str, to_kind: str, to_crm_id: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "connection": "hs",
        "object": f"associations.{from_kind}.{to_kind}",
        "crm_id": from_crm_id,
        "from_kind": from_kind,
        "from_crm_id": from_crm_id,
        "to_kind": to_kind,
        "to_crm_id": to_crm_id,
        "role": "default",
        "sync_id": "sync-1",
    }
    return row_of(tables.raw_links, **(values | changes))
