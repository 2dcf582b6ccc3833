"""Puts the demo company into the sandbox's store, as both CRMs would hold it."""

from collections import Counter
from collections.abc import Iterable, Iterator

from connectors.sandbox.company.entities import Company
from connectors.sandbox.company.render_hubspot import HubspotRenderer
from connectors.sandbox.company.render_salesforce import SalesforceRenderer
from connectors.sandbox.store import Store, StoredRecord


def write_company(company: Company, store: Store) -> dict[str, int]:
    """Write all records and associations; answer how many of each `<crm> <object>` there are."""
    written: Counter[str] = Counter()
    hubspot, salesforce = HubspotRenderer(company), SalesforceRenderer(company)
    store.put("hubspot", _counted("hubspot", hubspot.records(), written))
    store.put("salesforce", _counted("salesforce", salesforce.records(), written))
    store.associate(hubspot.associations())
    store.set_meta("company.as_of", company.as_of.isoformat())
    store.set_meta("company.seed", str(company.seed))
    store.set_meta("company.scale", str(company.scale))
    return dict(written)


def _counted(crm: str, records: Iterable[StoredRecord], written: Counter[str]) -> Iterator[StoredRecord]:
    for record in records:
        written[f"{crm} {record.object}"] += 1
        yield record
