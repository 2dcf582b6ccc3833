"""HubSpot's answers as records. Only id and times are read here; everything else stays as it came."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from connectors.errors import RecordRejectedError
from connectors.landing import as_utc
from connectors.records import Record

Build = Callable[[Mapping[str, Any]], Record]
NO_TARGETS = '{"to":[]}'


def record_builder(connection: str, object_name: str, extracted_at: datetime) -> Build:
    """Make the function that turns one result of a page into a Record.

    An archived record changed when it was archived: its tombstone is newer than the last living version.
    """

    def build(result: Mapping[str, Any]) -> Record:
        moment = _moment(object_name, result.get("updatedAt") or result.get("createdAt"))
        is_deleted = bool(result.get("archived"))
        if is_deleted and result.get("archivedAt"):
            moment = max(moment, _moment(object_name, result["archivedAt"]))
        payload = orjson.dumps(result).decode()
        return Record(connection, object_name, _id(object_name, result), moment, is_deleted, extracted_at, payload)

    return build


def owner_builder(connection: str, extracted_at: datetime) -> Build:
    """As `record_builder`, for owners: an archived owner is a leaver, whose work still counts, and no tombstone."""
    build = record_builder(connection, "owners", extracted_at)

    def build_owner(result: Mapping[str, Any]) -> Record:
        return build(result)._replace(is_deleted=False)

    return build_owner


def association_records(
    connection: str,
    object_name: str,
    sources: Mapping[str, datetime],
    *,
    targets: Mapping[str, Sequence[Any]] | None,
    extracted_at: datetime,
) -> list[Record]:
    """One record per source with all its targets, at the time of the source's version; a source without any has an empty set.

    `targets` None: the sources are archived, and so is what they were associated with.
    """
    found = targets or {}
    is_deleted = targets is None
    payloads = (orjson.dumps({"to": to}).decode() if (to := found.get(one)) else NO_TARGETS for one in sources)
    return [  # by position, which takes half the time: there are some for each record
        Record(connection, object_name, source_id, modified_at, is_deleted, extracted_at, payload)
        for (source_id, modified_at), payload in zip(sources.items(), payloads, strict=True)
    ]


def stage_results(pipelines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One result per stage, with its pipeline beside it; stages of an archived pipeline are archived."""
    return [
        {
            **stage,
            "archived": bool(stage.get("archived") or pipeline.get("archived")),
            "pipeline": {"id": pipeline.get("id"), "label": pipeline.get("label")},
        }
        for pipeline in pipelines
        for stage in pipeline.get("stages") or ()
    ]


def _id(object_name: str, result: Mapping[str, Any]) -> str:
    given = result.get("id")
    if given in (None, ""):
        raise RecordRejectedError(object_name, reason="it has no id")
    return str(given)


def _moment(object_name: str, text: Any) -> datetime:
    try:
        return as_utc(str(text))
    except ValueError as error:
        raise RecordRejectedError(object_name, reason="its time of change cannot be read") from error
