"""Which organisations are there? One row per organisation and CRM; merged ones followed to the survivor."""

from typing import Any

from sqlalchemy import Select, select

from models.context import BuildContext, Model
from models.core.sources import id_of, source_columns, survives, survivors
from models.expressions import company_size, or_unknown
from models.tables import companies, raw_companies, raw_links


def build_companies(context: BuildContext) -> Select[Any]:
    """Take the surviving companies over, with their size band."""
    surviving = survivors("company")
    return select(
        id_of(raw_companies).label("company_id"),
        *source_columns(raw_companies, context.connections),
        raw_companies.c.name,
        raw_companies.c.domain,
        or_unknown(raw_companies.c.industry).label("industry"),
        company_size(raw_companies.c.employee_count).label("company_size"),
        raw_companies.c.employee_count,
    ).join(surviving, survives(raw_companies, surviving))


MODEL = Model(table=companies, reads=(raw_companies, raw_links), statement=build_companies)
