"""Whose work is it, and with whom, when an export names people by address, number or name?"""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from models.context import ConnectionFacts
from models.raw.links import BY_EMAIL, BY_PHONE
from models.tables import calls, raw_calls, raw_contacts, raw_links, raw_users
from tests.models.factories import CONNECTIONS, a_context, a_raw, a_raw_link, a_raw_user, insert

Rows = Callable[..., list[tuple[Any, ...]]]
WITH_FILES = a_context(connections=(*CONNECTIONS, ConnectionFacts("dialer", "files", "")))


def a_dialed_call(crm_id: str, **changes: Any) -> dict[str, Any]:
    return a_raw(raw_calls, crm_id, connection="dialer", object="calls", **changes)


@pytest.mark.parametrize(
    ("owner", "rep"),
    [
        pytest.param("sato@x.example", "hs:1", id="address"),
        pytest.param("Sato@X.example", "hs:1", id="address in capitals"),
        pytest.param("佐藤　花子", "hs:1", id="name with a wide blank"),
        pytest.param("佐藤花子", "hs:1", id="name without blank"),
        pytest.param("伊藤 健", None, id="name of two people"),
        pytest.param("nobody", None, id="unknown"),
    ],
)
def test_an_export_names_its_owner_by_address_or_name(
    warehouse: sa.Connection, build: Callable[..., None], rows: Rows, owner: str, rep: str | None
) -> None:
    people = (
        ("1", "佐藤 花子", "sato@x.example"),
        ("2", "伊藤 健", "ito1@x.example"),
        ("3", "伊藤 健", "ito2@x.example"),
    )
    insert(
        warehouse, raw_users, *(a_raw_user(one, connection="hs", name=name, email=mail) for one, name, mail in people)
    )
    # the same person's user in a second CRM does not make the name ambiguous
    insert(warehouse, raw_users, a_raw_user("9", connection="sf", name="佐藤 花子", email="sato@x.example"))
    insert(warehouse, raw_calls, a_dialed_call("K1", owner_crm_id=owner))

    build(WITH_FILES)

    assert rows(calls, "call_id", "rep_id", "crm_url") == [("dialer:K1", rep, None)]


@pytest.mark.parametrize(
    ("target", "contact"),
    [
        pytest.param(BY_EMAIL + "a@x.example", "hs:A", id="address: the leading connection's contact"),
        pytest.param(BY_PHONE + "012345678", "hs:A", id="number of one person in two CRMs"),
        pytest.param(BY_PHONE + "611112222", None, id="number of two people"),
        pytest.param(BY_EMAIL + "z@x.example", None, id="unknown"),
    ],
)
def test_an_address_or_a_number_leads_to_the_contact_who_has_it(
    warehouse: sa.Connection, build: Callable[..., None], rows: Rows, target: str, contact: str | None
) -> None:
    people = (
        ("hs", "A", "a@x.example", "090-1234-5678"),
        ("sf", "A2", "a@x.example", "+81 90 1234 5678"),
        ("hs", "B", "b@x.example", "06-1111-2222"),
        ("hs", "C", "c@x.example", "06-1111-2222"),
    )
    insert(
        warehouse,
        raw_contacts,
        *(a_raw(raw_contacts, one, connection=name, email=mail, phone=phone) for name, one, mail, phone in people),
    )
    insert(warehouse, raw_calls, a_dialed_call("K1"))
    insert(warehouse, raw_links, a_raw_link("call", "K1", "contact", target, connection="dialer"))

    build(WITH_FILES)

    assert rows(calls, "call_id", "contact_id") == [("dialer:K1", contact)]
