"""Which people do we talk to? One row per contact or lead; merges and conversions followed, lead sources kept."""

from typing import Any

from sqlalchemy import CTE, Select, and_, case, func, select

from models.context import BuildContext, Model
from models.core.sources import id_of, known_records, rep_of, source_columns, survives, survivors
from models.duckdb import first_known, local_date
from models.expressions import core_id
from models.tables import contacts, raw_companies, raw_contacts, raw_links, rep_identities


def build_contacts(context: BuildContext) -> Select[Any]:
    """Take the surviving contacts over.

    The first lead source is the recorded one; else that of the record it was made from (a converted lead, a merged
    contact); else the present one.
    """
    surviving = survivors("contact")
    origin = _origins()
    company = known_records("company")
    linked = _linked_companies()
    contact_id = id_of(raw_contacts)
    person_id = func.min(contact_id).over(partition_by=func.coalesce(raw_contacts.c.email, contact_id))
    return (
        select(
            contact_id.label("contact_id"),
            *source_columns(raw_contacts, context.connections),
            person_id.label("person_id"),
            func.coalesce(core_id(company.c.connection, company.c.survivor_crm_id), linked.c.company_id).label(
                "company_id"
            ),
            rep_identities.c.rep_id,
            *(raw_contacts.c[name] for name in ("kind", "name", "email", "phone", "title")),
            func.coalesce(raw_contacts.c.lead_source_first, origin.c.lead_source, raw_contacts.c.lead_source).label(
                "lead_source_first"
            ),
            func.coalesce(raw_contacts.c.lead_source, origin.c.lead_source).label("lead_source"),
            local_date(raw_contacts.c.created_at, context.agreement.team.zone).label("created_date"),
            raw_contacts.c.created_at,
        )
        .join(surviving, survives(raw_contacts, surviving))
        .outerjoin(
            company,
            and_(company.c.connection == raw_contacts.c.connection, company.c.crm_id == raw_contacts.c.company_crm_id),
        )
        .outerjoin(linked, linked.c.contact_id == contact_id)
        .outerjoin(
            origin, and_(origin.c.connection == raw_contacts.c.connection, origin.c.crm_id == raw_contacts.c.crm_id)
        )
        .outerjoin(rep_identities, rep_of(rep_identities, raw_contacts.c.connection, raw_contacts.c.owner_crm_id))
    )


def _origins() -> CTE:
    """Give the lead source of the oldest record that became the contact."""
    known = known_records("contact")
    source = func.coalesce(
        raw_contacts.c.lead_source_first, raw_contacts.c.lead_source, type_=raw_contacts.c.lead_source.type
    )
    return (
        select(
            known.c.connection,
            known.c.survivor_crm_id.label("crm_id"),
            first_known(source, raw_contacts.c.created_at).label("lead_source"),
        )
        .join(
            raw_contacts,
            and_(raw_contacts.c.connection == known.c.connection, raw_contacts.c.crm_id == known.c.crm_id),
        )
        .where(known.c.crm_id != known.c.survivor_crm_id)
        .group_by(known.c.connection, known.c.survivor_crm_id)
        .cte("origins")
    )


def _linked_companies() -> CTE:
    """Give the company that a contact is linked to, where the record itself names none: HubSpot's primary one first."""
    contact, company = known_records("contact"), known_records("company")
    company_id = core_id(company.c.connection, company.c.survivor_crm_id)
    order = case((func.lower(raw_links.c.role) == "primary", "0"), else_="1").concat(company_id)
    return (
        select(
            core_id(contact.c.connection, contact.c.survivor_crm_id).label("contact_id"),
            func.substr(func.min(order), 2).label("company_id"),
        )
        .select_from(raw_links)
        .join(
            contact, and_(contact.c.connection == raw_links.c.connection, contact.c.crm_id == raw_links.c.from_crm_id)
        )
        .join(company, and_(company.c.connection == raw_links.c.connection, company.c.crm_id == raw_links.c.to_crm_id))
        .where(raw_links.c.from_kind == "contact", raw_links.c.to_kind == "company")
        .group_by(core_id(contact.c.connection, contact.c.survivor_crm_id))
        .cte("linked_companies")
    )


MODEL = Model(
    table=contacts,
    reads=(raw_contacts, raw_companies, raw_links, rep_identities),
    statement=build_contacts,
)
