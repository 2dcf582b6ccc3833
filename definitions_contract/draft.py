"""What has been read so far: files that fit their schema, each with its lines, before they are known to fit together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Generic, TypeVar

from pydantic import BaseModel

from definitions_contract.advice import DEFINE_OR_CORRECT, MAKE_UNIQUE, did_you_mean
from definitions_contract.documents import Document, Location
from definitions_contract.errors import Issue
from definitions_contract.schema import Definition, KpiAgreement, PhaseAgreement, TargetAgreement, TeamAgreement

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A file that fits its schema."""

    document: Document
    model: M


@dataclass(frozen=True, slots=True)
class Draft:
    """All files; None stands for one that could not be read, so that the others are still checked."""

    team: Loaded[TeamAgreement] | None
    kpis: Loaded[KpiAgreement] | None
    targets: Loaded[TargetAgreement] | None
    phases: Loaded[PhaseAgreement] | None
    definitions: tuple[Loaded[Definition], ...]

    def departments(self) -> frozenset[str] | None:
        """Ids of the departments; None when team.yaml could not be read."""
        return frozenset(department.id for department in self.team.model.departments) if self.team else None

    def kpi_ids(self) -> frozenset[str] | None:
        """Ids of the KPIs; None when kpis.yaml could not be read."""
        return frozenset(kpi.id for kpi in self.kpis.model.kpis) if self.kpis else None


def check_known(
    document: Document, location: Location, name: str | None, known: Iterable[str] | None
) -> Iterator[Issue]:
    """Report a name that nothing has; None for `known` says that the place to look could not be read."""
    if name is None or known is None:
        return
    names = sorted(known)
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    advice = did_you_mean(close[0]) if close else DEFINE_OR_CORRECT
    yield document.issue(location, found=name, allowed=", ".join(names) or "nothing yet", advice=advice)


def check_unique(document: Document, places: Iterable[tuple[Location, str]]) -> Iterator[Issue]:
    """Report every name that stands there a second time."""
    seen: set[str] = set()
    for location, name in places:
        if name in seen:
            yield document.issue(location, found=name, allowed="each only once", advice=MAKE_UNIQUE)
        seen.add(name)
