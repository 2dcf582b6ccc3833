"""Which id each CRM gives a record of the demo company: counted in the order of making, in the CRMs' own form."""

from collections import Counter

from connectors.sandbox.company.entities import Crm, CrmId
from connectors.sandbox.ids import FIRST_HUBSPOT_ID, salesforce_id


class Numbering:
    """Counters: one for all of HubSpot, one per Salesforce object."""

    def __init__(self) -> None:
        self._last: Counter[str] = Counter()

    def new(self, crm: Crm, name: str) -> CrmId:
        """The next free id of an object."""
        if crm == "hubspot":
            number = self._last[crm]
            self._last[crm] += 1
            return CrmId(crm, name, str(FIRST_HUBSPOT_ID + number))
        self._last[name] += 1
        return CrmId(crm, name, salesforce_id(name, self._last[name]))
