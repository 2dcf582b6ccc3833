"""connections.yaml: what is refused, and with which words."""

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import SettingsError
from connectors.settings import Crm, FieldSource, HubSpotConnection, load_connections, load_field_map, merge_field_maps

PROJECT_FILE = Path(__file__).parents[2] / "connectors" / "connections.yaml"
MINIMAL = """\
connections:
  - name: crm_one
    crm: hubspot
    url: https://api.hubapi.com
    start: 2024-01-01
    record_url: https://app.example/{object}/{id}
"""


def a_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "connections.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_connections_are_the_sandbox_of_both_crms() -> None:
    connections = load_connections(PROJECT_FILE)

    assert [connection.crm for connection in connections] == [Crm.HUBSPOT, Crm.SALESFORCE]
    assert all(connection.is_sandbox and connection.lag == timedelta(0) for connection in connections)


def test_a_real_crm_lags_by_default(tmp_path: Path) -> None:
    (connection,) = load_connections(a_file(tmp_path, MINIMAL))

    assert connection.lag == timedelta(seconds=60)
    assert connection.overlap == timedelta(hours=1)
    assert not connection.is_sandbox


def test_own_fields_replace_standard_ones_and_leave_the_rest(tmp_path: Path) -> None:
    text = MINIMAL + "    fields: {contacts: {contacts: {lead_source: utm_source}}}\n"

    (connection,) = load_connections(a_file(tmp_path, text))

    sources = dict(connection.sources_of("contacts"))
    assert sources["contacts.lead_source"].sources == ("utm_source",)
    assert sources["contacts.lead_source"].origin.endswith("/connections.yaml:7")
    assert sources["contacts.email"].sources == ("email",)
    assert sources["contacts.email"].origin.startswith("hubspot/field_map.yaml:")


def test_a_new_object_is_added_beside_the_standard_one() -> None:
    changes = {"contacts": {"leads": {"email": FieldSource.model_validate({"from": ["mail"]})}}}

    merged = merge_field_maps(load_field_map(Crm.HUBSPOT), changes)

    assert [item.object for item in merged["contacts"]] == ["contacts", "leads"]


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        pytest.param("crm: hubspot", "crm: pipedrive", 3, "hubspot, salesforce or files", id="unknown crm"),
        pytest.param("    crm: hubspot\n", "", 2, "hubspot, salesforce or files", id="crm missing"),
        pytest.param(
            "https://api.hubapi.com", "http://api.hubapi.com", 4, "https://", id="plain http to a foreign host"
        ),
        pytest.param("https://api.hubapi.com", "http://localhost:1", 4, "https://", id="plain http by name"),
        pytest.param("https://api.hubapi.com", "https://user:pw@host", 4, "https://", id="secret in the address"),
        pytest.param("start: 2024-01-01", "start: soon", 5, "date", id="start is no date"),
        pytest.param("    start: 2024-01-01\n", "", 2, "required", id="start missing"),
        pytest.param("start: 2024", "begin: 1\n    start: 2024", 5, "no key 'begin'", id="unknown key"),
        pytest.param("name: crm_one", "name: CRM 1", 2, "pattern", id="name unfit for a folder"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, line: int, expected: str
) -> None:
    path = a_file(tmp_path, MINIMAL.replace(old, new))

    with pytest.raises(SettingsError) as caught:
        load_connections(path)

    assert caught.value.line == line
    assert expected in caught.value.allowed
    assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{values: {a: b}}", id="no source"),
        pytest.param("{from: a, constant: b}", id="two sources"),
        pytest.param("{from: a, divide: 0}", id="divide by zero"),
        pytest.param("{from: a, colour: red}", id="unknown word"),
        pytest.param("[]", id="no candidates"),
    ],
)
def test_a_field_without_one_clear_source_is_refused_on_its_line(tmp_path: Path, source: str) -> None:
    path = a_file(tmp_path, MINIMAL + f"    fields:\n      calls:\n        calls:\n          direction: {source}\n")

    with pytest.raises(SettingsError) as caught:
        load_connections(path)

    assert caught.value.line == 10


def test_a_first_value_from_a_history_that_the_crm_does_not_hand_out_is_refused(tmp_path: Path) -> None:
    text = MINIMAL.replace("crm: hubspot", "crm: salesforce")
    path = a_file(tmp_path, text + "    fields:\n      meetings:\n        Event:\n          title: {first: Subject}\n")

    with pytest.raises(SettingsError, match=r"meetings\.title from a field that keeps the first value"):
        load_connections(path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("connections: []\n", id="no connection"),
        pytest.param("connections: [1]\n", id="not a mapping"),
        pytest.param("a: [\n", id="no yaml"),
        pytest.param(MINIMAL + MINIMAL.removeprefix("connections:\n"), id="the same name twice"),
    ],
)
def test_a_file_without_usable_connections_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_connections(a_file(tmp_path, text))


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_connections(tmp_path / "absent.yaml")


def test_secrets_are_named_never_held() -> None:
    connection = load_connections(PROJECT_FILE)[0]

    assert isinstance(connection, HubSpotConnection)
    assert connection.secret_names == ("HUBSPOT_ACCESS_TOKEN",)
