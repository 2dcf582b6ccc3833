"""Which people, companies, deals and meetings are likely there twice? One row per record; `same_as` names the one that it repeats.

One connection is looked at at a time for people and companies: the same person in two CRMs is one person by core.contacts.person_id
already. Meetings are looked at across connections, after core has collapsed the copies that it recognises; deals, too: core knows of no
copies of them.
"""

from typing import Any

import sqlalchemy as sa

from models.duckdb import minute_of, to_host, to_phone, to_plain_name
from models.tables import companies, contacts, deals, meetings

CALLED_OFF = ("cancelled", "rescheduled")  # a meeting that was moved leaves its old record behind


def people_twice() -> sa.Select[Any]:
    """Same e-mail, or same name and phone, in one connection."""
    c = contacts.c
    email = sa.func.nullif(sa.func.lower(sa.func.trim(c.email)), "")
    phone, name = to_phone(c.phone), to_plain_name(c.name)
    same = sa.func.coalesce(
        _first(c.contact_id, c.connection, email), _first(c.contact_id, c.connection, phone, name), type_=sa.Text()
    )
    return _rows(c.contact_id, same)


def companies_twice() -> sa.Select[Any]:
    """Same domain in one connection, or without a domain the name of another: branches share a name, and have their own domain."""
    c = companies.c
    host, name = to_host(c.domain), to_plain_name(c.name)
    of_name = (c.connection, name)
    without = sa.func.min(c.company_id).filter(host.is_(None)).over(partition_by=of_name)
    with_one = sa.func.min(c.company_id).filter(host.is_not(None)).over(partition_by=of_name)
    named = sa.func.coalesce(_other(without, c.company_id), with_one, type_=sa.Text())
    by_name = sa.case((sa.and_(host.is_(None), name.is_not(None)), named))
    return _rows(c.company_id, sa.func.coalesce(_first(c.company_id, c.connection, host), by_name, type_=sa.Text()))


def deals_twice() -> sa.Select[Any]:
    """Same name, amount and close day, in one connection or in two: a tool that copies deals between CRMs makes two of one."""
    d = deals.c
    return _rows(d.deal_id, _first(d.deal_id, to_plain_name(d.name), d.amount, d.close_date))


def meetings_twice() -> sa.Select[Any]:
    """Same person, same minute: nobody is in two meetings at once."""
    m = meetings.c
    person = sa.func.coalesce(contacts.c.person_id, m.contact_id, type_=sa.Text())
    same = _first(m.meeting_id, person, minute_of(m.starts_at))
    return (
        _rows(m.meeting_id, same)
        .join_from(meetings, contacts, contacts.c.contact_id == m.contact_id, isouter=True)
        .where(m.outcome.not_in(CALLED_OFF))
    )


def _rows(key: sa.ColumnElement[Any], same_as: sa.ColumnElement[Any]) -> sa.Select[Any]:
    shown = sa.func.concat_ws(" = ", key, same_as)
    return sa.select(key.label("record_id"), shown.label("shown"), sa.cast(same_as, sa.Text()).label("same_as"))


def _first(key: sa.ColumnElement[Any], *group: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Name the first record of a group, for all but itself; NULL where a part of the group is missing."""
    first = sa.func.min(key).over(partition_by=group)
    return sa.case((sa.and_(*(part.is_not(None) for part in group)), _other(first, key)))


def _other(found: sa.ColumnElement[Any], key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.nullif(found, key)
