"""Which HubSpot objects are read, and which of their properties?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connectors.errors import UnknownFieldError
from connectors.hubspot.client import HubSpotClient
from connectors.settings import HubSpotConnection

PAGE_SIZE = 100
PAGE_SIZE_WITH_HISTORY = 50
MERGED = "hs_merged_object_ids"
ABOUT = ("contacts", "companies", "deals")


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One CRM object. Activities older than the connection's start are not asked for; people and companies always are.

    `rereads`: whether associations are read again for some weeks: what a number hangs on is often linked later.
    """

    name: str
    targets: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    cursor_property: str = "hs_lastmodifieddate"
    is_activity: bool = False
    rereads: bool = False

    @property
    def page_size(self) -> int:
        """Records in one page or batch: history halves it."""
        return PAGE_SIZE_WITH_HISTORY if self.history else PAGE_SIZE


OBJECTS = (  # the largest first, so that the threads end together
    ObjectSpec("calls", ABOUT, is_activity=True),
    ObjectSpec("emails", ABOUT, is_activity=True),
    ObjectSpec("contacts", ("companies",), cursor_property="lastmodifieddate"),
    ObjectSpec("meetings", ABOUT, is_activity=True, rereads=True),
    ObjectSpec("deals", ("contacts", "companies"), history=("dealstage", "hubspot_owner_id"), rereads=True),
    ObjectSpec("companies"),
    ObjectSpec("notes", ABOUT, is_activity=True),
)

RATES = "exchange_rates"


def specs_of(connection: HubSpotConnection) -> tuple[ObjectSpec, ...]:
    """What is read of this account: a property whose first value is mapped comes with its history."""
    return tuple(
        replace(spec, history=tuple(dict.fromkeys((*spec.history, *firsts)))) if firsts else spec
        for spec in OBJECTS
        for firsts in [[source.first for _, source in connection.sources_of(spec.name) if source.first]]
    )


OBJECT_NAMES = frozenset({*(spec.name for spec in OBJECTS), "owners", "pipelines", RATES})


def fetch_properties(client: HubSpotClient, object_name: str) -> dict[str, str]:
    """The properties that the account has and this token may see, with their types."""
    answer = client.get("properties", [], object=object_name)
    return {str(one["name"]): str(one.get("type")) for one in answer["results"]}


def unknown_fields(
    connection: HubSpotConnection, spec: ObjectSpec, known: Mapping[str, str]
) -> Iterator[UnknownFieldError]:
    """Each property that the field map names and the CRM does not have."""
    for key, source in connection.sources_of(spec.name):
        for name in source.crm_fields:
            if name not in known:
                yield UnknownFieldError(
                    connection.name, object_name=spec.name, key=key, field=name, origin=source.origin
                )


def fields_to_read(connection: HubSpotConnection, spec: ObjectSpec, known: Mapping[str, str]) -> dict[str, list[str]]:
    """What to ask for. Raises UnknownFieldError for a mapped property that the CRM does not have."""
    for error in unknown_fields(connection, spec, known):
        raise error
    mapped = [name for _, source in connection.sources_of(spec.name) for name in source.crm_fields]
    excluding = (name for name in sorted(connection.exclusions_of(spec.name)) if name in known)
    filters = [*sorted(connection.filters_of(spec.name)), *excluding]
    always = [spec.cursor_property, *([MERGED] if MERGED in known else [])]
    fields = {"properties": list(dict.fromkeys([*mapped, *filters, *always]))}
    return {**fields, "propertiesWithHistory": list(spec.history)} if spec.history else fields
