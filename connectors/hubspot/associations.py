"""With what are records associated? Asked in batches; "unknown" is never taken for "none"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import RequestRefusedError
from connectors.hubspot.client import HubSpotClient, next_after

ASSOCIATION_INPUTS = 1_000  # HubSpot answers 400 to more
NO_ASSOCIATIONS = "NO_ASSOCIATIONS_FOUND"


@dataclass
class AssociationReader:
    """Reads the associations of many records with one other object."""

    client: HubSpotClient
    object: str
    target: str
    targets: dict[str, list[Any]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def read(self, ids: Sequence[str]) -> "AssociationReader":
        """Ask for all of them; a batch that is refused because of one record is halved until that one is found."""
        try:
            self._ask([{"id": one} for one in ids])
        except RequestRefusedError as error:
            if error.status != 400:
                raise
            if len(ids) == 1:
                self.unknown.update(ids)
                return self
            middle = len(ids) // 2
            self.read(ids[:middle])
            self.read(ids[middle:])
        return self

    def _ask(self, inputs: list[dict[str, str]]) -> None:
        while inputs:
            silent = {one["id"] for one in inputs}
            begun = {one["id"] for one in inputs if "after" in one}
            answer = self.client.post("associations", {"inputs": inputs}, object=self.object, target=self.target)
            inputs = []
            for result in answer["results"]:
                source = str(result["from"]["id"])
                silent.discard(source)
                self.targets.setdefault(source, []).extend(result.get("to") or ())
                following = next_after(result)
                if following:
                    inputs.append({"id": source, "after": following})
            self.unknown |= silent & begun  # some of its targets came: that the rest does not is no "none"
            self._note_errors(answer, silent)

    def _note_errors(self, answer: Mapping[str, Any], silent: set[str]) -> None:
        """An error that names no record may be about any of those of which nothing came."""
        for error in answer.get("errors") or ():
            context = error.get("context") or {}
            named = [*map(str, context.get("fromObjectId") or context.get("ids") or ())]
            if str(error.get("subCategory") or "").endswith(NO_ASSOCIATIONS):
                silent.difference_update(named)  # most errors of most batches: nothing is copied for one
            else:
                self.unknown.update(named or silent)
