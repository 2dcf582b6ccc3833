"""What are the things on the board called, and in which unit does each KPI count? The agreement's labels come first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from definitions_contract.schema import Agreement, Kpi
from pipelines.board import formats
from pipelines.board.formats import Number
from pipelines.board.labels import CONDITIONS, FUNNEL_STEPS, PARTS, STATE_ICONS, STATES
from pipelines.board.words import Term, Text, look_up, same

WEB_ADDRESS = re.compile(r"https?://[\w.-]+(:\d+)?([/?#]\S*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chip:
    """A state told in words, by a shape, and by a colour."""

    id: str
    label: Text
    icon: str


@dataclass(frozen=True, slots=True)
class Link:
    """A record; `url` is None when it cannot be opened safely."""

    label: Text
    url: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """Labels and units of one agreement, and the people's names."""

    currency: str
    kpis: Mapping[str, Kpi]
    scopes: Mapping[tuple[str, str], Text]
    reps: Mapping[str, str]
    ids: Mapping[str, Text]

    def kpi(self, kpi_id: str | None) -> Text:
        """Name a KPI; on the page the name leads to what the number means."""
        known = self.kpis.get(kpi_id or "")
        return Term(known.label.ja, known.label.en, anchor_of(known.id)) if known else look_up({}, kpi_id)

    def label(self, kpi_id: str | None) -> Text:
        """Name a KPI where no link can stand: in a legend."""
        name = self.kpi(kpi_id)
        return Text(name.ja, name.en)

    def unit(self, kpi_id: str) -> str:
        """Tell in what a KPI counts; a KPI that left the agreement is a plain figure."""
        return self.kpis[kpi_id].unit if kpi_id in self.kpis else "count"

    def scope(self, kind: str, scope_id: str) -> Text:
        """Name a department, team or rep."""
        if kind == "rep":
            return self.rep(scope_id)
        if scope_id == "unknown":
            return PARTS["unknown"]
        return self.scopes.get((kind, scope_id), same(scope_id))

    def rep(self, rep_id: str | None) -> Text:
        """Name a person."""
        if rep_id is None or rep_id == "unknown":
            return PARTS["unknown"]
        return same(self.reps.get(rep_id) or rep_id)

    def part(self, split: str, part: str) -> Text:
        """Name a step of the funnel or a segment."""
        if split == "funnel" and part in FUNNEL_STEPS:
            return FUNNEL_STEPS[part]
        if split == "rep" and part not in PARTS:
            return self.rep(part)
        if part in self.kpis:
            return self.kpi(part)
        if split == "team":
            return self.scope("team", part)
        return look_up(PARTS, part)

    def figure(self, kpi_id: str, value: Number | None, *, digits: int = 0) -> Text:
        """Write a KPI's value."""
        return formats.figure(value, self.unit(kpi_id), self.currency, digits=digits)

    def gap(self, kpi_id: str, value: Number | None) -> Text:
        """Write a difference of a KPI's values."""
        return formats.gap(value, self.unit(kpi_id), self.currency)


def names_of(agreement: Agreement, reps: Mapping[str, str]) -> Names:
    """Collect the names of an agreement."""
    scopes = {("department", one.id): Text(one.label.ja, one.label.en) for one in agreement.team.departments}
    scopes |= {("team", one.id): Text(one.label.ja, one.label.en) for one in agreement.team.teams}
    rules = {rule.id: Text(rule.label.ja, rule.label.en) for one in agreement.definitions for rule in one.rules}
    return Names(
        currency=agreement.team.currency,
        kpis={kpi.id: kpi for kpi in agreement.kpis.kpis},
        scopes=scopes,
        reps=reps,
        ids={**PARTS, **CONDITIONS, **{kpi.id: _label(kpi) for kpi in agreement.kpis.kpis}, **rules},
    )


def anchor_of(kpi_id: str) -> str:
    """Where the page explains a KPI."""
    return f"kpi-{kpi_id}"


def chip(state: str | None) -> Chip:
    """Give a state its words and shape; one that nobody named is shown as it is."""
    known = state or "no_target"
    return Chip(known if known in STATES else "no_target", look_up(STATES, known), STATE_ICONS.get(known, "–"))


def link(label: str, url: str | None) -> Link:
    """Link to a record; only web addresses are followed, whatever a CRM or a setting says."""
    return Link(same(label), url if url is not None and WEB_ADDRESS.fullmatch(url) else None)


def _label(kpi: Kpi) -> Text:
    return Text(kpi.label.ja, kpi.label.en)
