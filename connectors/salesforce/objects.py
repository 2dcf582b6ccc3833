"""Which Salesforce objects are read, and which of their fields?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.errors import FormulaFieldError, RequestRefusedError, UnknownFieldError
from connectors.salesforce import soql
from connectors.salesforce.client import INVALID_FIELD, SalesforceClient
from connectors.settings import SalesforceConnection


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One CRM object. `always` is asked for beside the mapped fields, as far as the org has it.

    Activities older than the connection's start are not asked for; people, companies and deals always are. `is_whole`: a
    list so short that each sync reads all of it. `is_optional`: orgs without the feature do not have the object.
    """

    name: str
    always: tuple[str, ...] = ()
    cursor_field: str = "SystemModstamp"
    is_activity: bool = False
    is_whole: bool = False
    is_optional: bool = False


COMMON = ("Id", "CreatedDate", "SystemModstamp", "IsDeleted", "MasterRecordId")
CONVERTED = ("IsConverted", "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId")
ACTIVITY = ("OwnerId", "WhoId", "WhatId", "AccountId")
STAGE = ("ApiName", "MasterLabel", "IsActive", "IsClosed", "IsWon", "SortOrder", "DefaultProbability")
FIELD_HISTORY = ("OpportunityId", "Field", "OldValue", "NewValue", "CreatedById")
HISTORY = ("OpportunityId", "StageName", "Amount", "Probability", "CloseDate", "CreatedById")

OBJECTS = (  # the largest first, so that the threads end together
    ObjectSpec("Task", (*ACTIVITY, "TaskSubtype", "IsArchived"), is_activity=True),
    ObjectSpec(
        "EmailMessage", ("RelatedToId", "ActivityId", "ParentId", "CreatedById"), is_activity=True, is_optional=True
    ),
    ObjectSpec(
        "EmailMessageRelation",
        ("EmailMessageId", "RelationId", "RelationType", "RelationObjectType"),
        is_activity=True,
        is_optional=True,
    ),
    ObjectSpec(
        "EventRelation", ("EventId", "RelationId", "IsInvitee", "IsParent", "IsWhat", "Status"), is_activity=True
    ),
    ObjectSpec("Event", (*ACTIVITY, "IsChild", "IsGroupEvent", "IsArchived", "RecurrenceActivityId"), is_activity=True),
    ObjectSpec("Contact", ("AccountId", "OwnerId")),
    ObjectSpec("Lead", ("OwnerId", *CONVERTED)),
    ObjectSpec("OpportunityHistory", HISTORY, cursor_field="CreatedDate"),
    ObjectSpec("Account", ("OwnerId", "ParentId")),
    ObjectSpec("Opportunity", ("AccountId", "OwnerId", "StageName", "IsClosed", "IsWon", "ContactId")),
    ObjectSpec("OpportunityContactRole", ("OpportunityId", "ContactId", "Role", "IsPrimary")),
    # only the fields whose history the org tracks, kept for 18 months
    ObjectSpec("OpportunityFieldHistory", FIELD_HISTORY, cursor_field="CreatedDate", is_optional=True),
    ObjectSpec("Note", ("ParentId", "Title", "OwnerId"), is_activity=True, is_optional=True),
    ObjectSpec("User", ("IsActive", "UserType", "UserRoleId"), is_whole=True),
    ObjectSpec("UserRole", ("Name", "ParentRoleId"), is_whole=True, is_optional=True),
    ObjectSpec("OpportunityStage", STAGE, is_whole=True),
)

# an org without them that is asked for them is an error: amounts would miss their rates
RATES = (
    ObjectSpec("CurrencyType", ("IsoCode", "ConversionRate", "IsCorporate"), is_whole=True),
    ObjectSpec("DatedConversionRate", ("IsoCode", "ConversionRate", "StartDate", "NextStartDate"), is_whole=True),
)

OBJECT_NAMES = frozenset(spec.name for spec in (*OBJECTS, *RATES))


def objects_of(connection: SalesforceConnection) -> tuple[ObjectSpec, ...]:
    """Give the objects that this connection reads: exchange rates only where it asks for them."""
    return (*OBJECTS, *RATES) if connection.exchange_rates else OBJECTS


@dataclass(frozen=True, slots=True)
class Known:
    """What an object has in this org, as this user sees it: its fields with their types, and its parents by their names.

    `calculated` are formulas: they change without changing the record's time of change.
    """

    types: Mapping[str, str]
    parents: frozenset[str]
    calculated: frozenset[str]

    def has(self, path: str) -> bool:
        """Whether the field, or the parent that the path goes through, exists."""
        head, _, rest = path.partition(".")
        return head in self.parents if rest else head in self.types

    def changes_silently(self, path: str) -> bool:
        """Whether the field may change while the record's time of change stays: a formula, or a parent's field."""
        return "." in path or path in self.calculated


def fetch_known(client: SalesforceClient, spec: ObjectSpec) -> Known | None:
    """Describe the object; None when it is optional and the org does not have it."""
    try:
        fields = client.describe(spec.name)["fields"]
    except RequestRefusedError as error:
        if spec.is_optional and error.status == 404:
            return None
        raise
    return Known(
        types={str(field["name"]): str(field.get("type")) for field in fields},
        parents=frozenset(str(field["relationshipName"]) for field in fields if field.get("relationshipName")),
        calculated=frozenset(str(field["name"]) for field in fields if field.get("calculated")),
    )


def unknown_fields(connection: SalesforceConnection, spec: ObjectSpec, known: Known) -> Iterator[UnknownFieldError]:
    """Each field that the field map names and the org does not have, or hides from this user."""
    for key, source in connection.sources_of(spec.name):
        for path in source.crm_fields:
            if not known.has(path):
                yield UnknownFieldError(
                    connection.name, object_name=spec.name, key=key, field=path, origin=source.origin
                )


def hidden_of_parents(
    connection: SalesforceConnection, spec: ObjectSpec, client: SalesforceClient
) -> Iterator[UnknownFieldError]:
    """Each mapped field of a parent that the org refuses: the object's describe tells of the parent, not of its fields.

    Asked only when a whole query was refused, which may name any of its fields.
    """
    for key, source in connection.sources_of(spec.name):
        for path in (one for one in source.crm_fields if "." in one):
            try:
                client.query(soql.select([path], spec.name, limit=1), what=f"query {path} of {spec.name}")
            except RequestRefusedError as error:
                if error.code != INVALID_FIELD:
                    raise
                yield UnknownFieldError(
                    connection.name, object_name=spec.name, key=key, field=path, origin=source.origin
                )


def refused_fields(connection: SalesforceConnection, spec: ObjectSpec, known: Known) -> Iterator[FormulaFieldError]:
    """Each mapped field that changes silently, where the connection does not refresh those."""
    if connection.formula_refresh_days or spec.is_whole:
        return
    for key, source in connection.sources_of(spec.name):
        for path in source.crm_fields:
            if known.changes_silently(path):
                yield FormulaFieldError(
                    connection.name, object_name=spec.name, key=key, field=path, origin=source.origin
                )


def fields_to_read(connection: SalesforceConnection, spec: ObjectSpec, known: Known) -> list[str]:
    """What to ask for: what every record needs, and what the field map names. Raises for what cannot be had."""
    for error in (*unknown_fields(connection, spec, known), *refused_fields(connection, spec, known)):
        raise error
    mapped = [path for _, source in connection.sources_of(spec.name) for path in source.crm_fields]
    # the same order by either API: a payload that says the same is the same text
    always = [name for name in ("Id", spec.cursor_field, *COMMON, *spec.always) if name in known.types]
    excluding = [path for path in sorted(connection.exclusions_of(spec.name)) if known.has(path)]
    return list(dict.fromkeys([*always, *mapped, *sorted(connection.filters_of(spec.name)), *excluding]))
