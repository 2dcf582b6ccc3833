"""A whole night of the demo company, from its ground truth: core filled directly, then every kpi model in order.

Built once per process: the tests read it and write only inside transactions that they roll back.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.sandbox.company import build_company, truth
from connectors.sandbox.company.entities import Company
from connectors.sandbox.company.workdays import tokyo_day
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from models import tables
from models.context import BuildContext, ConnectionFacts, Model
from models.core import calendar
from models.kpi import (
    alerts,
    causes,
    changes,
    divergence,
    kpi_daily,
    kpi_periods,
    meeting_rule_results,
    meeting_verdicts,
    pace_weights,
    phase_status,
    plan,
    targets,
)
from pipelines.warehouse import Warehouse, insert_rows, write_model
from tests.models.factories import row_of

AS_OF = date(2026, 11, 22)
CONNECTIONS = tuple(ConnectionFacts(name=name, crm=name, record_url="") for name in ("hubspot", "salesforce"))
FACTS = (calendar, meeting_rule_results, meeting_verdicts, kpi_daily, targets)
STATISTICS = (pace_weights, divergence, kpi_periods, causes, changes, alerts, plan, phase_status)


@lru_cache(maxsize=1)
def agreement() -> Agreement:
    """Give the default agreement."""
    return load_agreement(Path("definitions_contract/agreement"))


def context(as_of: date = AS_OF, agreed: Agreement | None = None) -> BuildContext:
    """Give a night of the demo company."""
    return BuildContext(
        agreement=agreed or agreement(),
        as_of=as_of,
        known_at=datetime(as_of.year, as_of.month, as_of.day, 17, tzinfo=UTC),
        connections=CONNECTIONS,
    )


@lru_cache(maxsize=1)
def warehouse_with_facts() -> Warehouse:
    """Give the company's core, verdicts, daily facts and targets, without any evaluation."""
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        fill_core(connection, build_company(AS_OF))
        write(connection, *(module.MODEL for module in FACTS))
    return warehouse


@lru_cache(maxsize=1)
def evaluated_warehouse() -> Warehouse:
    """Give the company after its first night."""
    warehouse = warehouse_with_facts()
    with warehouse.transaction() as connection:
        write(connection, *(module.MODEL for module in STATISTICS), causes.PERIOD_CHANGES)
    return warehouse


@contextmanager
def night() -> Iterator[sa.Connection]:
    """Open the first night; what a test writes is taken back."""
    with evaluated_warehouse().engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


def write(
    connection: sa.Connection, *models: Model, as_of: date = AS_OF, agreed: Agreement | None = None
) -> dict[str, float]:
    """Build tables in order; give the seconds that each took."""
    seconds = {}
    for model in models:
        start = time.perf_counter()
        write_model(connection, model, context(as_of, agreed))
        seconds[model.table.name] = time.perf_counter() - start
    return seconds


def rows_of(connection: sa.Connection, table: sa.Table, **wanted: Any) -> list[dict[str, Any]]:
    """Give the rows of a table whose columns have these values, in key order."""
    conditions = [table.c[name] == value for name, value in wanted.items()]
    statement = sa.select(table).where(*conditions).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(statement).mappings()]


def fill_core(connection: sa.Connection, company: Company) -> None:
    """Write the company's truth into core."""
    for table, rows in (
        (tables.reps, _reps),
        (tables.rep_teams, _rep_teams),
        (tables.calls, _calls),
        (tables.emails, _emails),
        (tables.meetings, _meetings),
        (tables.deals, _deals),
    ):
        insert_rows(connection, table, [row_of(table, **row) for row in rows(company)])


Rows = Iterator[dict[str, Any]]


def _reps(company: Company) -> Rows:
    for rep in company.reps:
        yield {
            "rep_id": rep.email,
            "name": rep.name,
            "team": rep.team,
            "department": rep.department,
            "is_active": rep.is_active,
            "started_date": rep.started_date,
            "left_date": rep.left_date,
        }


def _rep_teams(company: Company) -> Rows:
    for rep in company.reps:
        span = {"valid_from": rep.started_date, "valid_to": rep.left_date}
        yield {"rep_id": rep.email, "team": rep.team, "department": rep.department, **span}


def _segments(company: Company, contact_key: int, response_method: str | None) -> dict[str, Any]:
    contact = company.contact_by_key[contact_key]
    return {
        "lead_source_first": contact.lead_source_first or "unknown",
        "lead_source": contact.lead_source or "unknown",
        "response_method": response_method or "unknown",
        "industry": company.company_by_key[contact.company_key].industry or "unknown",
        "company_size": "unknown",
    }


def _calls(company: Company) -> Rows:
    for call in truth.calls(company):
        yield {
            "call_id": truth.core_id(call.crm_id),
            "rep_id": call.rep_email,
            "direction": call.direction,
            "disposition": call.disposition or "unknown",
            "status": call.status,
            "called_date": tokyo_day(call.called_at),
            **_segments(company, call.contact_key, call.response_method),
        }


def _emails(company: Company) -> Rows:
    for email in truth.emails(company):
        yield {
            "email_id": truth.core_id(email.crm_id),
            "rep_id": email.rep_email,
            "direction": email.direction,
            "status": email.status,
            "is_delivered": email.status == "sent",
            "is_opened": email.open_count > 0,
            "is_replied": email.reply_count > 0,
            "sent_date": tokyo_day(email.sent_at),
            **_segments(company, email.contact_key, email.response_method),
        }


def _meetings(company: Company) -> Rows:
    contact_of = {truth.core_id(meeting.copies[0].crm_id): meeting.contact_key for meeting in company.meetings}
    for meeting in truth.meetings(company):
        yield {
            "meeting_id": meeting.meeting_id,
            "rep_id": meeting.booked_by,
            "outcome": meeting.outcome,
            "field_sales_feedback": meeting.feedback,
            "reject_reason": meeting.reject_reason,
            "decision_maker_present": meeting.decision_maker_present,
            "minutes": meeting.minutes,
            "booked_date": meeting.booked_date,
            "held_date": meeting.held_date,
            "deal_id": meeting.deal_id,
            **_segments(company, contact_of[meeting.meeting_id], meeting.response_method),
        }


def _deals(company: Company) -> Rows:
    meeting_of = {meeting.key: meeting for meeting in company.meetings}
    for deal in truth.deals(company):
        meeting = None if deal.meeting_key is None else meeting_of[deal.meeting_key]
        yield {
            "deal_id": truth.core_id(deal.crm_id),
            "rep_id": None if meeting is None else meeting.booked_by,
            "owner_rep_id": deal.owner_email,
            "meeting_id": None if meeting is None else truth.core_id(meeting.copies[0].crm_id),
            "status": deal.status,
            "lost_reason": deal.lost_reason,
            "agreed_amount": None if deal.amount is None else Decimal(deal.amount),
            "cycle_days": (deal.close_date - tokyo_day(deal.created_at)).days if deal.status != "open" else None,
            "created_date": tokyo_day(deal.created_at),
            "close_date": deal.close_date,
            **_segments(company, deal.contact_key, None if meeting is None else meeting.response_method),
        }
