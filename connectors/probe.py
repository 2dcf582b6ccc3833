"""What would tonight's reading of a CRM meet? One small request of each kind for each object, before anything is read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import connectors.hubspot.objects as hubspot_objects
import connectors.salesforce.objects as salesforce_objects
from connectors.errors import ConnectorError, RequestRefusedError
from connectors.hubspot.client import HubSpotClient
from connectors.salesforce import soql
from connectors.salesforce.client import INVALID_FIELD, SalesforceClient
from connectors.settings import FieldSource, HubSpotConnection, SalesforceConnection
from connectors.sync import Finding

SAMPLE_ROWS = 100  # one page of HubSpot's

Row = Mapping[str, Any]


@dataclass
class Probe:
    """What was refused or is missing, and a few records of each object. `absent`: optional objects that nothing is read of."""

    problems: list[ConnectorError] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    samples: dict[str, Sequence[Row]] = field(default_factory=dict)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Note a refusal and go on with what follows."""
        try:
            yield
        except RequestRefusedError as error:
            self.problems.append(error)


def probe_hubspot(connection: HubSpotConnection, client: HubSpotClient) -> Probe:
    """Ask for properties, a page and the associations of each object, for owners, pipelines and rates: each has a scope of its own."""
    probe = Probe()
    for spec in hubspot_objects.OBJECTS:
        with probe.going_on():
            known = hubspot_objects.fetch_properties(client, spec.name)
            probe.problems += hubspot_objects.unknown_fields(connection, spec, known)
            mapped = (one for _, source in connection.sources_of(spec.name) for one in source.crm_fields)
            properties = [one for one in dict.fromkeys(mapped) if one in known]
            page = client.get("list", [("limit", str(SAMPLE_ROWS))], object=spec.name)["results"]
            body = {"properties": properties, "inputs": [{"id": one["id"]} for one in page]}
            rows = client.post("batch_read", body, object=spec.name)["results"] if page else ()
            probe.samples[spec.name] = [one.get("properties") or {} for one in rows]
            for target in spec.targets if page else ():
                with probe.going_on():
                    client.post("associations", {"inputs": [{"id": page[0]["id"]}]}, object=spec.name, target=target)
    with probe.going_on():
        probe.samples["owners"] = client.get("owners", [("limit", str(SAMPLE_ROWS))])["results"]
    with probe.going_on():
        client.get("pipelines", [], object="deals")
    if connection.exchange_rates:
        with probe.going_on():
            client.get(hubspot_objects.RATES, [])
    return probe


def probe_salesforce(connection: SalesforceConnection, client: SalesforceClient) -> Probe:
    """Describe each object and ask for a few of its records."""
    probe = Probe()
    for spec in salesforce_objects.objects_of(connection):
        with probe.going_on():
            known = salesforce_objects.fetch_known(client, spec)
            if known is None:
                probe.absent.append(spec.name)
                continue
            wrong = [
                *salesforce_objects.unknown_fields(connection, spec, known),
                *salesforce_objects.refused_fields(connection, spec, known),
            ]
            probe.problems += wrong
            fields = ["Id"] if wrong else salesforce_objects.fields_to_read(connection, spec, known)
            query = soql.select(fields, spec.name, limit=SAMPLE_ROWS)
            try:
                rows = client.query(query, what=f"query {spec.name}")["records"]
            except RequestRefusedError as refused:
                is_field = refused.code == INVALID_FIELD
                hidden = salesforce_objects.hidden_of_parents(connection, spec, client) if is_field else ()
                probe.problems += [*hidden] or [refused]
                continue
            probe.samples[spec.name] = () if wrong else rows
    return probe


def fill_rates(
    connection: HubSpotConnection | SalesforceConnection, samples: Mapping[str, Sequence[Row]]
) -> Iterator[Finding]:
    """How many of the records looked at have a value in each mapped field; objects without any are left out."""
    for entity, maps in connection.field_map.items():
        for part in maps:
            rows = [row for row in samples.get(part.object, ()) if _is_one(row, part.where)]
            if rows:
                rates = ", ".join(_rate(name, source, rows) for name, source in part.fields.items())
                detail = f"of {len(rows)} records looked at: {rates}"
                yield Finding(connection.name, f"{entity} <- {part.object}", is_ok=True, detail=detail)


def _is_one(row: Row, where: Mapping[str, str]) -> bool:
    return all(str(_value(row, path)).lower() == value.lower() for path, value in where.items())


def _rate(name: str, source: FieldSource, rows: Sequence[Row]) -> str:
    if source.constant is not None:
        return f"{name} <- constant"
    having: Callable[[Iterable[bool]], bool] = all if source.join else any
    filled = sum(having(_value(row, path) not in (None, "") for path in source.crm_fields) for row in rows)
    return f"{name} <- {(' and ' if source.join else ' or ').join(source.crm_fields)} {filled / len(rows):.0%}"


def _value(row: Any, path: str) -> Any:
    """What stands at a path with dots; a number in it is a place in a list."""
    for step in path.split("."):
        if isinstance(row, list):
            row = row[int(step)] if step.isdecimal() and int(step) < len(row) else None
        elif isinstance(row, Mapping):
            row = row.get(step)
        else:
            return None
    return row
