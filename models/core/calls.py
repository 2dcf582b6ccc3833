"""Which calls were made, by whom, to whom? One row per call."""

from typing import Any

from sqlalchemy import Select, func, select

from models.context import BuildContext, Model
from models.core.activities import about, company_of, segments
from models.core.sources import id_of, rep_of, source_columns
from models.duckdb import local_date
from models.expressions import or_unknown
from models.tables import calls, companies, contacts, links, raw_calls, rep_identities


def build_calls(context: BuildContext) -> Select[Any]:
    """Take the calls over that are not deleted; one without a time took place when it was logged."""
    linked = about("call", context.connections)
    called_at = func.coalesce(raw_calls.c.called_at, raw_calls.c.created_at)
    return (
        select(
            id_of(raw_calls).label("call_id"),
            *source_columns(raw_calls, context.connections),
            rep_identities.c.rep_id,
            contacts.c.contact_id,
            company_of(linked).label("company_id"),
            linked.c.deal_id,
            *segments(response_method=raw_calls.c.response_method),
            *(or_unknown(raw_calls.c[name]).label(name) for name in ("direction", "disposition", "status")),
            raw_calls.c.duration_seconds,
            local_date(called_at, context.agreement.team.zone).label("called_date"),
            called_at.label("called_at"),
        )
        .select_from(raw_calls)
        .outerjoin(rep_identities, rep_of(rep_identities, raw_calls.c.connection, raw_calls.c.owner_crm_id))
        .outerjoin(linked, linked.c.from_id == id_of(raw_calls))
        .outerjoin(contacts, contacts.c.contact_id == linked.c.contact_id)
        .outerjoin(companies, companies.c.company_id == company_of(linked))
        .where(~raw_calls.c.is_deleted)
    )


MODEL = Model(table=calls, reads=(raw_calls, rep_identities, links, contacts, companies), statement=build_calls)
