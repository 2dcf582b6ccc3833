"""Which objects and fields the sandbox's Salesforce has, and what type each field is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_REFERENCES = {  # lookup field -> objects it may point at
    "OwnerId": "User Group",
    "CreatedById": "User",
    "LastModifiedById": "User",
    "ManagerId": "User",
    "UserRoleId": "UserRole",
    "ParentRoleId": "UserRole",
    "AccountId": "Account",
    "ContactId": "Contact",
    "OpportunityId": "Opportunity",
    "WhoId": "Contact Lead",
    "WhatId": "Account Opportunity",
    "EventId": "Event",
    "EmailMessageId": "EmailMessage",
    "RelationId": "User Contact Lead",
    "RelatedToId": "Account Opportunity",
    "ActivityId": "Task",
    "ConvertedContactId": "Contact",
    "ConvertedAccountId": "Account",
    "ConvertedOpportunityId": "Opportunity",
}
_STANDARD = {  # fields by object and type; references are listed by name above, an organisation's own fields are learnt
    "User": {
        "string": "Name FirstName LastName Username Department Title CompanyName TimeZoneSidKey",
        "email": "Email",
        "boolean": "IsActive",
        "reference": "UserRoleId ManagerId",
    },
    "UserRole": {"string": "Name DeveloperName", "reference": "ParentRoleId"},
    "Group": {"string": "Name Type"},
    "Account": {
        "string": "Name Phone Type",
        "url": "Website",
        "picklist": "Industry",
        "int": "NumberOfEmployees",
        "currency": "AnnualRevenue",
        "reference": "OwnerId MasterRecordId",
    },
    "Contact": {
        "string": "Name FirstName LastName Title",
        "email": "Email",
        "phone": "Phone",
        "picklist": "LeadSource",
        "reference": "AccountId OwnerId MasterRecordId",
    },
    "Lead": {
        "string": "Name FirstName LastName Title Company",
        "email": "Email",
        "phone": "Phone",
        "picklist": "LeadSource Status",
        "boolean": "IsConverted",
        "date": "ConvertedDate",
        "reference": "OwnerId MasterRecordId ConvertedContactId ConvertedAccountId ConvertedOpportunityId",
    },
    "Task": {
        "string": "Subject CallDisposition",
        "textarea": "Description",
        "picklist": "Status Priority TaskSubtype Type CallType",
        "int": "CallDurationInSeconds",
        "boolean": "IsClosed IsArchived",
        "date": "ActivityDate",
        "datetime": "CompletedDateTime",
        "reference": "OwnerId WhoId WhatId",
    },
    "Event": {
        "string": "Subject Location",
        "textarea": "Description",
        "picklist": "EventSubtype Type GroupEventType",
        "int": "DurationInMinutes",
        "boolean": "IsChild IsArchived IsGroupEvent IsAllDayEvent IsRecurrence",
        "date": "ActivityDate",
        "datetime": "StartDateTime EndDateTime ActivityDateTime",
        "reference": "OwnerId WhoId WhatId",
    },
    "EventRelation": {
        "string": "Response",
        "picklist": "Status",
        "boolean": "IsInvitee IsParent IsWhat",
        "datetime": "RespondedDate",
        "reference": "EventId RelationId",
    },
    "EmailMessage": {
        "string": "Subject FromAddress FromName ToAddress ThreadIdentifier",
        "textarea": "TextBody",
        "picklist": "Status",
        "boolean": "Incoming IsBounced IsOpened IsTracked",
        "datetime": "MessageDate FirstOpenedDate LastOpenedDate",
        "reference": "RelatedToId ActivityId",
    },
    "EmailMessageRelation": {
        "string": "RelationAddress RelationObjectType",
        "picklist": "RelationType",
        "reference": "EmailMessageId RelationId",
    },
    "Note": {"string": "Title", "textarea": "Body", "boolean": "IsPrivate", "reference": "OwnerId ParentId"},
    "Opportunity": {
        "string": "Name",
        "picklist": "StageName LeadSource Type ForecastCategory",
        "currency": "Amount",
        "percent": "Probability",
        "boolean": "IsClosed IsWon",
        "date": "CloseDate",
        "datetime": "LastStageChangeDate",
        "reference": "OwnerId AccountId ContactId",
    },
    "OpportunityHistory": {
        "picklist": "StageName ForecastCategory",
        "currency": "Amount",
        "percent": "Probability",
        "date": "CloseDate",
        "reference": "OpportunityId",
    },
    "OpportunityFieldHistory": {"string": "Field OldValue NewValue", "reference": "OpportunityId"},
    "OpportunityContactRole": {"picklist": "Role", "boolean": "IsPrimary", "reference": "OpportunityId ContactId"},
    "OpportunityStage": {
        "string": "MasterLabel ApiName",
        "picklist": "ForecastCategoryName",
        "int": "SortOrder",
        "percent": "DefaultProbability",
        "boolean": "IsActive IsClosed IsWon",
    },
    "CurrencyType": {"picklist": "IsoCode", "double": "ConversionRate", "boolean": "IsActive IsCorporate"},
    "DatedConversionRate": {"picklist": "IsoCode", "double": "ConversionRate", "date": "StartDate NextStartDate"},
}
_SYSTEM = {
    "Id": "id",
    "CreatedDate": "datetime",
    "CreatedById": "reference",
    "LastModifiedDate": "datetime",
    "LastModifiedById": "reference",
    "SystemModstamp": "datetime",
    "IsDeleted": "boolean",
}
_LACKING = {  # system fields that an object does not have, as in Salesforce's object reference
    "User": {"IsDeleted"},
    "UserRole": {"IsDeleted", "CreatedDate", "CreatedById"},
    "Group": {"IsDeleted"},
    "OpportunityStage": {"IsDeleted"},
    "CurrencyType": {"IsDeleted"},
    "DatedConversionRate": {"IsDeleted"},
    "OpportunityHistory": {"LastModifiedDate", "LastModifiedById"},
    "OpportunityFieldHistory": {"LastModifiedDate", "LastModifiedById", "SystemModstamp"},
}
SYSTEM_COLUMNS: Final = {
    "Id": "id",
    "CreatedDate": "created_ms",
    "LastModifiedDate": "modified_ms",
    "SystemModstamp": "modified_ms",
    "IsDeleted": "is_deleted",
}
"""System field -> the store's column that it is filled from."""

STANDARD_OBJECTS: Final = tuple(_STANDARD)
HAVE_ARCHIVE: Final = ("Task", "Event")  # rows with IsArchived are shown by queryAll only

_MOMENT, _DAY = re.compile(r"\d{4}-\d\d-\d\dT.*"), re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class SField:
    """One field; a reference names the objects that it points at and the word that leads there in a path."""

    name: str
    type: str
    references: tuple[str, ...] = ()
    relationship: str | None = None


def object_fields(object_name: str, learnt: Mapping[str, Any]) -> dict[str, SField]:
    """All fields of an object by their name in lower case, as SOQL compares names."""
    kinds = {name: kind for name, kind in _SYSTEM.items() if name not in _LACKING.get(object_name, set())}
    kinds |= {name: _type_of(example) for name, example in learnt.items()}
    kinds |= {name: kind for kind, names in _STANDARD.get(object_name, {}).items() for name in names.split()}
    return {name.lower(): _field(object_name, name, kind) for name, kind in kinds.items()}


def _field(object_name: str, name: str, kind: str) -> SField:
    if name == "MasterRecordId":
        return SField(name, "reference", (object_name,), "MasterRecord")
    if name in _REFERENCES:
        return SField(name, "reference", tuple(_REFERENCES[name].split()), name.removesuffix("Id"))
    return SField(name, kind)


def _type_of(example: Any) -> str:
    match example:
        case bool():
            return "boolean"
        case int() | float():
            return "double"
        case str() if _MOMENT.fullmatch(example):
            return "datetime"
        case str() if _DAY.fullmatch(example):
            return "date"
        case _:
            return "string"
