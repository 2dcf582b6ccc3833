"""Which one-to-one e-mails were sent, and what is known of them? One row per e-mail."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, exists, func, select

from models.context import BuildContext, Model
from models.core.activities import about, company_of, segments
from models.core.sources import id_of, rep_of, source_columns
from models.duckdb import local_date
from models.expressions import or_unknown
from models.tables import companies, contacts, emails, links, raw_emails, rep_identities

SENT = "sent"


def build_emails(context: BuildContext) -> Select[Any]:
    """Take the e-mails over that are not deleted. An e-mail without a count of opens or replies has none."""
    linked = about("email", context.connections)
    sent_at = func.coalesce(raw_emails.c.sent_at, raw_emails.c.created_at)
    opens = func.coalesce(raw_emails.c.open_count, 0)
    return (
        select(
            id_of(raw_emails).label("email_id"),
            *source_columns(raw_emails, context.connections),
            rep_identities.c.rep_id,
            contacts.c.contact_id,
            company_of(linked).label("company_id"),
            linked.c.deal_id,
            *segments(response_method=raw_emails.c.response_method),
            *(or_unknown(raw_emails.c[name]).label(name) for name in ("direction", "status")),
            and_(raw_emails.c.status.is_not(None), raw_emails.c.status == SENT).label("is_delivered"),
            (opens > 0).label("is_opened"),
            (opens > raw_emails.c.bot_open_count).label("is_opened_by_person"),
            (func.coalesce(raw_emails.c.reply_count, 0) > 0).label("is_replied"),
            local_date(sent_at, context.agreement.team.zone).label("sent_date"),
            sent_at.label("sent_at"),
        )
        .select_from(raw_emails)
        .outerjoin(rep_identities, rep_of(rep_identities, raw_emails.c.connection, raw_emails.c.owner_crm_id))
        .outerjoin(linked, linked.c.from_id == id_of(raw_emails))
        .outerjoin(contacts, contacts.c.contact_id == linked.c.contact_id)
        .outerjoin(companies, companies.c.company_id == company_of(linked))
        .where(~raw_emails.c.is_deleted, ~is_told_by_another(raw_emails))
    )


def is_told_by_another(email: Table) -> ColumnElement[bool]:
    """Whether the row is the activity of another e-mail: Salesforce logs an e-mail as a task, as a message, or as both."""
    message = raw_emails.alias("message")
    return exists().where(
        message.c.connection == email.c.connection,
        message.c.activity_crm_id == email.c.crm_id,
        ~message.c.is_deleted,
    )


MODEL = Model(table=emails, reads=(raw_emails, rep_identities, links, contacts, companies), statement=build_emails)
