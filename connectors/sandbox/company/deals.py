"""Deals: which accepted meetings lead to one, how it moves through the stages, when and how it closes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from connectors.sandbox.company import levels
from connectors.sandbox.company.contacts import ContactBook, ContactDraft
from connectors.sandbox.company.entities import Crm, OwnerChange, StageChange, TrueDeal, TrueMeeting
from connectors.sandbox.company.workdays import at_tokyo, tokyo_day
from connectors.sandbox.company.world import Picker, World, choose, known, office_moment

OLDER_DEAL_DAYS = 250  # how far back deals were created that are still open when the year begins
DELETED_SHARE = 0.006
SOONEST_CLOSE = timedelta(hours=1)
NO_CURRENCY_SHARE = 0.1  # means the agreed currency
HANDED_OVER_SHARE = 0.08  # of the deals, once, on their way
LAG_CHANCE = 0.28  # geometric: most deals are made within days
MINUTES_LEFT = 20  # after a meeting's end, at least
_TEN_THOUSAND = 10_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a CRM's pipeline."""

    id: str
    label: str
    status: str
    probability: float


PIPELINES: Final[Mapping[Crm, tuple[Stage, ...]]] = {
    "hubspot": (
        Stage("appointmentscheduled", "Appointment scheduled", "open", 0.2),
        Stage("qualifiedtobuy", "Qualified to buy", "open", 0.4),
        Stage("presentationscheduled", "Presentation scheduled", "open", 0.6),
        Stage("decisionmakerboughtin", "Decision maker bought-in", "open", 0.8),
        Stage("contractsent", "Contract sent", "open", 0.9),
        Stage("closedwon", "Closed won", "won", 1.0),
        Stage("closedlost", "Closed lost", "lost", 0.0),
    ),
    "salesforce": (
        Stage("Prospecting", "Prospecting", "open", 0.1),
        Stage("Qualification", "Qualification", "open", 0.25),
        Stage("Needs Analysis", "Needs Analysis", "open", 0.45),
        Stage("Proposal/Price Quote", "Proposal/Price Quote", "open", 0.7),
        Stage("Negotiation/Review", "Negotiation/Review", "open", 0.9),
        Stage("Closed Won", "Closed Won", "won", 1.0),
        Stage("Closed Lost", "Closed Lost", "lost", 0.0),
    ),
}
_OPEN_STAGES = 5
_WON, _LOST = 5, 6


class DealSimulation:
    """The deals of a year, and those that were open when it began."""

    def __init__(self, world: World, book: ContactBook) -> None:
        self.deals: list[TrueDeal] = []
        self._world, self._book, self._random = world, book, world.random(4)
        self._handovers = world.random(14)  # its own: who hands over changes nothing else of the year
        self._sources = Picker(levels.SOURCES)
        self._reasons = Picker(levels.LOST_REASONS)

    def run(self, meetings: list[TrueMeeting]) -> list[TrueDeal]:
        """Older deals first, then one per accepted meeting with luck, in the order in which they are made."""
        self._add_older()
        for meeting in sorted(meetings, key=lambda m: (m.starts_at, m.key)):
            contact = self._book.drafts[meeting.contact_key - 1]
            lucky = self._random.random() < levels.DEAL_IF_ACCEPTED
            created_at = self._created_at(meeting)
            if (
                meeting.feedback == "accepted"
                and lucky
                and not contact.has_deal
                and known(created_at, self._world.cutoff)
            ):
                self._add(contact, created_at, meeting.held_by, meeting.key)
        return self.deals

    def delete_some(self) -> None:
        """Mark a few open deals as deleted by hand."""
        still_open = [deal.key for deal in self.deals if deal.status == "open"]
        count = max(2, round(len(self.deals) * DELETED_SHARE))
        for key in sorted(choose(still_open, count, self._random)):
            deal = self.deals[key - 1]
            last = deal.stage_changes[-1].changed_at
            deleted_at = last + (self._world.cutoff - last) * float(self._random.uniform(0.1, 0.9))
            self.deals[key - 1] = replace(deal, deleted_at=deleted_at)

    def _add_older(self) -> None:
        world, random = self._world, self._random
        first = world.story.first_day
        for day in world.workdays.between(first - timedelta(days=OLDER_DEAL_DAYS), first - timedelta(days=1)):
            for _ in range(int(random.poisson(world.per_day(levels.DEALS_PER_MONTH)))):
                self._add_older_one(day)

    def _add_older_one(self, day: date) -> None:
        world, random = self._world, self._random
        created_at = office_moment(day, random)
        is_won, closed_at = self._close(created_at)
        owner = world.field_reps[int(random.integers(len(world.field_reps)))]
        if tokyo_day(closed_at) < world.story.first_day:
            return
        shares = world.staffing.shares(world.days[0])
        rep = world.staffing.reps[int(np.searchsorted(np.cumsum(shares), random.random()))]
        contact = self._book.add(
            rep, self._sources.one(random), created_at - timedelta(hours=int(random.integers(120, 1440)))
        )
        self._make(contact, created_at, owner.email, None, is_won=is_won, closed_at=closed_at)

    def _created_at(self, meeting: TrueMeeting) -> datetime:
        """0 to 10 days after the meeting, in working hours and after its end."""
        earliest, latest = levels.DEAL_LAG_DAYS
        lag = min(earliest + int(self._random.geometric(LAG_CHANCE)) - 1, latest)
        day = tokyo_day(meeting.starts_at) + timedelta(days=lag)
        moment = office_moment(day, self._random)
        if not self._world.workdays.is_open(day):
            moment = office_moment(self._world.workdays.between(tokyo_day(meeting.starts_at), day)[-1], self._random)
        return max(moment, meeting.ends_at + timedelta(minutes=MINUTES_LEFT))

    def _add(self, contact: ContactDraft, created_at: datetime, owner: str, meeting_key: int | None) -> None:
        is_won, closed_at = self._close(created_at)
        self._make(contact, created_at, owner, meeting_key, is_won=is_won, closed_at=closed_at)

    def _close(self, created_at: datetime) -> tuple[bool, datetime]:
        """Whether it will be won, and when it closes; many closings are drawn to the end of a month or quarter."""
        random, workdays = self._random, self._world.workdays
        is_won = bool(random.random() < levels.WON_SHARE)
        median, spread = (
            (levels.WON_MEDIAN_DAYS, levels.WON_SPREAD) if is_won else (levels.LOST_MEDIAN_DAYS, levels.LOST_SPREAD)
        )
        days = min(float(random.lognormal(np.log(median), spread)), 360.0)
        created_day = tokyo_day(created_at)
        day = workdays.after(created_day + timedelta(days=round(days)), 0)
        pull = levels.CLOSE_AT_QUARTER_END if day.month % 3 == 0 else levels.CLOSE_AT_MONTH_END
        if random.random() < pull:
            end = workdays.month_end(day)
            day = max(end[int(random.integers(len(end)))], day if day in end else created_day)
        moment = office_moment(day, random)
        return is_won, max(moment, created_at + SOONEST_CLOSE)

    def _make(
        self,
        contact: ContactDraft,
        created_at: datetime,
        owner: str,
        meeting_key: int | None,
        *,
        is_won: bool,
        closed_at: datetime,
    ) -> None:
        random = self._random
        changes = self._stages(contact.home, created_at, closed_at, is_won=is_won)
        is_closed = changes[-1].status != "open"
        amount = self._amount()
        has_amount = is_closed or random.random() >= levels.NO_AMOUNT_SHARE
        reason = self._reasons.one(random)
        contact.has_deal = True
        self._book.convert(contact, created_at)
        name = "deals" if contact.home == "hubspot" else "Opportunity"
        self.deals.append(
            TrueDeal(
                key=len(self.deals) + 1,
                crm_id=self._world.numbering.new(contact.home, name),
                name=f"{contact.company.name} {created_at:%Y-%m}",
                owner_changes=self._owners(owner, created_at, changes[-1].changed_at),
                meeting_key=meeting_key,
                contact_key=contact.key,
                company_key=contact.company.key,
                amount=amount if has_amount else None,
                currency="JPY" if random.random() >= NO_CURRENCY_SHARE else None,
                lost_reason=reason if changes[-1].status == "lost" else None,
                lead_source=contact.source_now,
                close_date=tokyo_day(closed_at),
                created_at=created_at,
                stage_changes=changes,
            )
        )

    def _owners(self, first: str, created_at: datetime, until: datetime) -> tuple[OwnerChange, ...]:
        """Who makes it, and for a few who takes it over before the last stage is entered."""
        is_handed_over, place, who = self._handovers.random(3)
        others = [rep.email for rep in self._world.field_reps if rep.email != first]
        moment = (created_at + (until - created_at) * float(place)).replace(microsecond=0)
        owners = (OwnerChange(first, created_at),)
        if is_handed_over >= HANDED_OVER_SHARE or not created_at < moment < until:
            return owners
        return (*owners, OwnerChange(others[int(who * len(others))], moment))

    def _amount(self) -> int:
        """Log-normal around the wanted mean, in whole ten thousands of yen."""
        middle = levels.AVERAGE_AMOUNT_JPY / np.exp(levels.AMOUNT_SPREAD**2 / 2)
        raw = float(self._random.lognormal(np.log(middle), levels.AMOUNT_SPREAD))
        return max(1, round(raw / _TEN_THOUSAND)) * _TEN_THOUSAND

    def _stages(self, crm: Crm, created_at: datetime, closed_at: datetime, *, is_won: bool) -> tuple[StageChange, ...]:
        """Stages entered until now: the first at creation, some in between in working hours, the last at closing."""
        random, cutoff, stages = self._random, self._world.cutoff, PIPELINES[crm]
        steps = _OPEN_STAGES - 1 if is_won else int(random.integers(0, _OPEN_STAGES))
        fractions = random.uniform(0.05, 0.95, steps)
        raw = (self._office(created_at + (closed_at - created_at) * float(fraction)) for fraction in fractions)
        between = sorted({moment for moment in raw if created_at < moment < closed_at})
        changes = [_change(stages[0], created_at)]
        changes += [_change(stages[n], moment) for n, moment in enumerate(between, 1) if moment < cutoff]
        if closed_at < cutoff:
            changes.append(_change(stages[_WON if is_won else _LOST], closed_at))
        return tuple(changes)

    def _office(self, moment: datetime) -> datetime:
        minutes = float(self._random.uniform(9.5 * 60, 18 * 60))
        return at_tokyo(self._world.workdays.after(tokyo_day(moment), 0), minutes)


def _change(stage: Stage, at: datetime) -> StageChange:
    return StageChange(stage.id, stage.label, stage.status, at)
