"""How HubSpot shows a stored record: which properties stand in the answer, and in what form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from connectors.sandbox.associations import PRIMARY_TYPES
from connectors.sandbox.hubspot_schema import CLOCKS, DEFAULT_PROPERTIES, STANDARD
from connectors.sandbox.store import StoredAssociation, StoredRecord
from connectors.sandbox.times import hubspot_time

_FIELD_TYPES = {"string": "text", "number": "number", "datetime": "date", "bool": "booleancheckbox"}


@dataclass(frozen=True, slots=True)
class View:
    """One request's wishes, worked out once for all its records; properties that do not exist are left out, as HubSpot does."""

    properties: tuple[str, ...]
    clocks: Mapping[str, str]
    history: tuple[str, ...]

    @classmethod
    def of(cls, object_name: str, learnt: Mapping[str, Any], properties: Sequence[str], history: Sequence[str]) -> Self:
        """The view for a request; one that names no property gets HubSpot's default ones."""
        clocks = CLOCKS[object_name]
        standard = STANDARD[object_name]
        wanted = dict.fromkeys(properties or DEFAULT_PROPERTIES.get(object_name, ()))
        known = tuple(name for name in wanted if (name in standard or name in learnt) and name not in clocks)
        extra = {"hs_createdate": "created_ms"} if "hs_createdate" in wanted else {}
        return cls(known, {**clocks, **extra}, tuple(name for name in history if name in standard or name in learnt))

    def result(self, record: StoredRecord) -> dict[str, Any]:
        """The record as one entry of `results`."""
        created, modified = hubspot_time(record.created_ms), hubspot_time(record.modified_ms)
        values = record.properties
        properties = {name: values.get(name) for name in self.properties}
        for name, column in self.clocks.items():
            properties[name] = created if column == "created_ms" else modified
        properties["hs_object_id"] = record.id
        result = {
            "id": record.id,
            "properties": properties,
            "createdAt": created,
            "updatedAt": modified,
            "archived": record.is_deleted,
        }
        if record.deleted_ms is not None:
            result["archivedAt"] = hubspot_time(record.deleted_ms)
        if self.history:
            result["propertiesWithHistory"] = {name: _history(record, name, created) for name in self.history}
        return result


def association_results(associations: Iterable[StoredAssociation]) -> dict[str, list[dict[str, Any]]]:
    """By source id: each target once, with all the types that join the two."""
    grouped: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for one in associations:
        kind = {"category": one.category, "typeId": one.type_id, "label": one.label or _label(one)}
        grouped.setdefault(one.from_id, {}).setdefault(one.to_id, []).append(kind)
    return {
        source: [{"toObjectId": int(target), "associationTypes": kinds} for target, kinds in targets.items()]
        for source, targets in grouped.items()
    }


def association_page(
    source_id: str, targets: Sequence[Mapping[str, Any]], *, after: int | None, size: int
) -> dict[str, Any]:
    """One input's part of a batch: its targets above `after`, and where its own next page begins."""
    rest = [one for one in targets if after is None or one["toObjectId"] > after]
    more = {"paging": {"next": {"after": str(rest[size - 1]["toObjectId"])}}} if len(rest) > size else {}
    return {"from": {"id": source_id}, "to": rest[:size], **more}


def owner(record: StoredRecord) -> dict[str, Any]:
    """An owner; whoever left has no `userId` any more, only `userIdIncludingInactive`."""
    given = dict(record.properties)
    user_id = given.pop("userId", None)
    ids = {
        "userId": None if record.is_deleted else user_id,
        "userIdIncludingInactive": given.pop("userIdIncludingInactive", user_id),
    }
    return {"id": record.id, "type": "PERSON", **given, **ids, "archived": record.is_deleted, **_times(record)}


def pipeline(record: StoredRecord) -> dict[str, Any]:
    """A pipeline with its stages."""
    times = _times(record)
    stages = [
        {"archived": False, **times, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT", **stage}
        for stage in record.properties["stages"]
    ]
    shown = {name: record.properties.get(name) for name in ("label", "displayOrder")}
    return {"id": record.id, **shown, "stages": stages, "archived": record.is_deleted, **times}


def exchange_rate(record: StoredRecord) -> dict[str, Any]:
    """What one unit of a currency is worth in the account's own, from a moment on."""
    return {"id": record.id, "visibleInUI": True, **record.properties, **_times(record)}


def schema_property(name: str, kind: str) -> dict[str, Any]:
    """A property's description."""
    shown = {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "description": "",
        "groupName": "sandbox",
        "options": [],
    }
    flags = {
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": False,
        "hidden": False,
        "formField": True,
        "archived": False,
    }
    is_standard = any(name in standard for standard in STANDARD.values()) or any(
        name in clocks for clocks in CLOCKS.values()
    )
    is_standard = is_standard or name == "hs_object_id"
    return {
        **shown,
        "type": kind,
        "fieldType": _FIELD_TYPES[kind],
        "displayOrder": -1,
        "hubspotDefined": is_standard,
        **flags,
    }


def _times(record: StoredRecord) -> dict[str, str]:
    return {"createdAt": hubspot_time(record.created_ms), "updatedAt": hubspot_time(record.modified_ms)}


def _label(one: StoredAssociation) -> str | None:
    return "Primary" if PRIMARY_TYPES.get((one.from_object, one.to_object)) == one.type_id else None


def _history(record: StoredRecord, name: str, created: str) -> list[dict[str, Any]]:
    """Kept versions; a property nobody tracked has the one version it was made with."""
    kept = record.history.get(name)
    if kept is not None:
        return kept
    value = record.properties.get(name)
    return [] if value is None else [{"value": value, "timestamp": created, "sourceType": "CRM_UI"}]
