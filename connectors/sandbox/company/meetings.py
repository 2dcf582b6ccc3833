"""How meetings come about and end: booked by inside sales, held by field sales, answered by field sales, or not."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from connectors.sandbox.company import levels
from connectors.sandbox.company.contacts import ContactBook, ContactDraft
from connectors.sandbox.company.entities import CrmId, MeetingCopy, TrueMeeting, TrueRep
from connectors.sandbox.company.story import (
    BAD_SOURCE,
    CRM_COPY_SHARE,
    INVITEE_SHARE,
    NO_OUTCOME_SHARE,
    UID_MISSING_SHARE,
)
from connectors.sandbox.company.workdays import at_tokyo, tokyo_day
from connectors.sandbox.company.world import Picker, World, choose, known, office_moment

PUSH_LEAD_DAYS = 12  # bookings for the bad weeks begin about so long before
DELETED_SHARE = 0.004
LATE_OUTCOME_SHARE = 0.08
SOON_SHARE = 0.6  # decision makers noted together with the outcome
COPY_FEEDBACK = {"both": 0.4, "leading": 0.3, "other_crm": 0.3}
TITLES = ("{company}様 商談", "{company}様 初回打ち合わせ", "Intro call with {company}", "{company}様 ご提案")
_SLOTS = tuple(range(9 * 60 + 30, 17 * 60 + 31, 30))


@dataclass(frozen=True, slots=True)
class _Booking:
    """What is settled when a meeting is booked."""

    rep: TrueRep
    contact: ContactDraft
    booked_at: datetime
    starts_at: datetime
    method: str
    rescheduled_from: int | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """What became of it, as far as known."""

    outcome: str
    outcome_at: datetime | None = None
    feedback: str | None = None
    feedback_at: datetime | None = None
    reject_reason: str | None = None
    decision_maker_present: bool | None = None
    decision_maker_at: datetime | None = None


class MeetingSimulation:
    """One year of meetings; `meetings` grows in the order of booking."""

    def __init__(self, world: World, book: ContactBook) -> None:
        self.meetings: list[TrueMeeting] = []
        self._world, self._book, self._random = world, book, world.random(3)
        self._met: dict[tuple[str, str], list[ContactDraft]] = defaultdict(list)  # by rep and source
        self._sources = Picker(levels.SOURCES)
        self._sources_then = Picker(_sources_then())
        self._methods = Picker(levels.METHODS)
        self._minutes = Picker(levels.MINUTES)
        self._feedback_days = Picker(levels.FEEDBACK_BUSINESS_DAYS)
        self._copy_feedback = Picker(COPY_FEEDBACK)
        self._outcomes = {False: Picker(levels.OUTCOMES), True: Picker(levels.BAD_OUTCOMES)}
        self._reasons = {False: Picker(levels.REJECT_REASONS), True: Picker(levels.BAD_REJECT_REASONS)}

    def run(self) -> list[TrueMeeting]:
        """Book day by day, let each meeting take its course, throw a few records away."""
        world = self._world
        primary = levels.BOOKED_PER_MONTH / (1 + levels.OUTCOMES["rescheduled"])
        rhythm = world.workdays.rhythm(world.days, levels.BOOKING_WEEKDAYS)
        weeks = world.week_factors(levels.BOOKING_SPREAD, self._random)
        for day, factor, week in zip(world.days, rhythm, weeks, strict=True):
            mean = world.per_day(primary) * factor * week * self._push(day) * world.staffing.shares(day)
            for rep, count in zip(world.staffing.reps, self._random.poisson(mean), strict=True):
                for _ in range(count):
                    self._book_first(rep, day)
        return self.meetings

    def delete_some(self, kept: set[int]) -> None:
        """Mark a few meetings as deleted by hand: double entries. Those in `kept` have a deal, others a successor or copies."""
        kept = kept | {m.rescheduled_from for m in self.meetings if m.rescheduled_from is not None}
        free = [m.key for m in self.meetings if m.key not in kept and len(m.copies) == 1 and m.outcome != "booked"]
        for key in sorted(choose(free, max(2, round(len(self.meetings) * DELETED_SHARE)), self._random)):
            meeting = self.meetings[key - 1]
            last = max(
                filter(None, (meeting.booked_at, meeting.outcome_at, meeting.feedback_at, meeting.decision_maker_at))
            )
            deleted_at = last + (self._world.cutoff - last) * float(self._random.uniform(0.01, 0.5))
            self.meetings[key - 1] = replace(meeting, deleted_at=deleted_at)

    # -- booking

    def _push(self, day: date) -> float:
        if day < self._world.story.bad_source_since - timedelta(days=PUSH_LEAD_DAYS):
            return 1.0
        return sum(_sources_then().values()) / sum(levels.SOURCES.values())

    def _book_first(self, rep: TrueRep, day: date) -> None:
        booked_at = office_moment(day, self._random)
        starts_at = self._start(day, levels.LEAD_BUSINESS_DAYS)
        sources = self._sources_then if self._is_bad_time(starts_at) else self._sources
        contact = self._contact(rep, sources.one(self._random), booked_at)
        self._hold(_Booking(rep, contact, booked_at, starts_at, self._methods.one(self._random)))

    def _start(self, day: date, lead: tuple[int, int]) -> datetime:
        """A slot some business days ahead; Tuesday to Thursday and nearer days are liked better."""
        days = [self._world.workdays.after(day, steps) for steps in range(lead[0], lead[1] + 1)]
        weights = np.array([levels.HELD_WEEKDAYS[d.weekday()] * (len(days) + 4 - n) for n, d in enumerate(days)])
        chosen = days[int(np.searchsorted(np.cumsum(weights / weights.sum()), self._random.random()))]
        return at_tokyo(chosen, _SLOTS[int(self._random.integers(len(_SLOTS)))])

    def _contact(self, rep: TrueRep, source: str, booked_at: datetime) -> ContactDraft:
        met = self._met[rep.email, source]
        if self._random.random() >= levels.NEW_CONTACT_SHARE:
            free = [c for c in met if c.busy_until is not None and c.busy_until < booked_at]
            if free:
                return free[int(self._random.integers(len(free)))]
        lead_days = self._random.lognormal(np.log(levels.LEAD_TO_BOOKING_MEDIAN_DAYS), levels.LEAD_TO_BOOKING_SPREAD)
        contact = self._book.add(
            rep, source, booked_at - timedelta(minutes=20 + int(min(float(lead_days), 300.0) * 24 * 60))
        )
        met.append(contact)
        return contact

    # -- what becomes of it

    def _hold(self, booking: _Booking) -> None:
        key = len(self.meetings) + 1
        ends_at = booking.starts_at + timedelta(minutes=int(self._minutes.one(self._random)))
        end = self._end(booking, ends_at)
        held_by = self._world.field_reps[int(self._random.integers(len(self._world.field_reps)))]
        copies = self._copies(booking, held_by)
        title = TITLES[int(self._random.integers(len(TITLES)))].format(company=booking.contact.company.name)
        booking.contact.busy_until = ends_at
        self.meetings.append(
            TrueMeeting(
                key=key,
                copies=copies,
                uid=f"{self._world.seed}-{key:06d}@calendar.demo-company.example",
                title=title,
                booked_by=booking.rep.email,
                held_by=held_by.email,
                contact_key=booking.contact.key,
                response_method=booking.method if self._random.random() < levels.METHOD_RECORDED_SHARE else None,
                outcome=end.outcome,
                outcome_at=end.outcome_at,
                feedback=end.feedback,
                feedback_at=end.feedback_at,
                reject_reason=end.reject_reason,
                decision_maker_present=end.decision_maker_present,
                decision_maker_at=end.decision_maker_at,
                booked_at=booking.booked_at,
                starts_at=booking.starts_at,
                ends_at=ends_at,
                rescheduled_from=booking.rescheduled_from,
            )
        )
        if end.outcome == "rescheduled" and end.outcome_at is not None:
            starts_at = self._start(tokyo_day(booking.starts_at), levels.RESCHEDULED_BUSINESS_DAYS)
            again = replace(booking, booked_at=end.outcome_at + timedelta(minutes=2), starts_at=starts_at)
            self._hold(replace(again, rescheduled_from=key))

    def _end(self, booking: _Booking, ends_at: datetime) -> _End:
        is_bad = booking.contact.source == BAD_SOURCE and self._is_bad_time(booking.starts_at)
        outcome = self._outcomes[is_bad].one(self._random)
        if outcome in {"cancelled", "rescheduled"}:
            return self._called_off(booking, outcome)
        if self._world.cutoff <= ends_at:
            return _End("booked")
        outcome_at = self._outcome_at(ends_at)
        if self._random.random() < NO_OUTCOME_SHARE or known(outcome_at, self._world.cutoff) is None:
            return _End("unknown")
        if outcome == "no_show":
            return _End("no_show", outcome_at)
        return self._answered(booking.starts_at, outcome_at, is_bad)

    def _called_off(self, booking: _Booking, outcome: str) -> _End:
        """Cancelled or moved on a business day between booking and start; a rep who has left moves nothing."""
        first, last = tokyo_day(booking.booked_at) + timedelta(days=1), tokyo_day(booking.starts_at) - timedelta(days=1)
        days = self._world.workdays.between(first, last)
        day = days[int(self._random.integers(len(days)))]
        at = office_moment(day, self._random)
        if known(at, self._world.cutoff) is None:
            return _End("booked")
        has_left = booking.rep.left_date is not None and day >= booking.rep.left_date
        return _End("cancelled" if has_left else outcome, at)

    def _outcome_at(self, ends_at: datetime) -> datetime:
        if self._random.random() >= LATE_OUTCOME_SHARE:
            return ends_at + timedelta(minutes=int(self._random.integers(2, 90)))
        return office_moment(self._world.workdays.after(tokyo_day(ends_at), 1), self._random)

    def _answered(self, starts_at: datetime, outcome_at: datetime, is_bad: bool) -> _End:
        """Field sales' answer to a held meeting, and whether the decision maker was noted."""
        random, cutoff = self._random, self._world.cutoff
        is_accepted = random.random() < (levels.BAD_ACCEPTED_SHARE if is_bad else levels.ACCEPTED_SHARE)
        feedback_at = self._later(outcome_at, int(self._feedback_days.one(random)))
        is_known = random.random() >= levels.NO_FEEDBACK_SHARE and feedback_at < cutoff
        reason = self._reasons[is_bad].one(random)
        present, noted_at = self._decision_maker(starts_at, outcome_at, is_accepted, is_bad)
        return _End(
            outcome="held",
            outcome_at=outcome_at,
            feedback=("accepted" if is_accepted else "rejected") if is_known else None,
            feedback_at=feedback_at if is_known else None,
            reject_reason=reason if is_known and not is_accepted else None,
            decision_maker_present=present if noted_at is not None else None,
            decision_maker_at=noted_at,
        )

    def _decision_maker(
        self, starts_at: datetime, outcome_at: datetime, is_accepted: bool, is_bad: bool
    ) -> tuple[bool, datetime | None]:
        random = self._random
        chance = levels.DECISION_MAKER_IF_ACCEPTED if is_accepted else levels.DECISION_MAKER_IF_REJECTED
        is_present = bool(random.random() < (levels.BAD_DECISION_MAKER_SHARE if is_bad else chance))
        is_asked = tokyo_day(starts_at) >= self._world.story.definition_tightened
        recorded = levels.DECISION_MAKER_RECORDED_SINCE if is_asked else levels.DECISION_MAKER_RECORDED_BEFORE
        late_days = 0 if random.random() < SOON_SHARE else int(random.integers(1, 4))
        noted_at = outcome_at if late_days == 0 else self._later(outcome_at, late_days)
        return is_present, known(noted_at, self._world.cutoff) if random.random() < recorded else None

    def _later(self, moment: datetime, business_days: int) -> datetime:
        """In working hours some business days later; the same evening for 0."""
        if business_days == 0:
            return moment + timedelta(minutes=int(self._random.integers(5, 120)))
        return office_moment(self._world.workdays.after(tokyo_day(moment), business_days), self._random)

    # -- records of it

    def _copies(self, booking: _Booking, held_by: TrueRep) -> tuple[MeetingCopy, ...]:
        if booking.rep.home == "salesforce":
            return self._salesforce_copies(held_by)
        if self._random.random() >= CRM_COPY_SHARE:
            return (self._copy("hubspot", "leading", held_by),)
        self._book.share(booking.contact)
        place = self._copy_feedback.one(self._random)
        leading = replace(self._copy("hubspot", "leading", held_by), has_feedback=place != "other_crm")
        other = replace(
            self._copy("salesforce", "other_crm", held_by),
            has_feedback=place != "leading",
            has_uid=bool(self._random.random() >= UID_MISSING_SHARE),
        )
        return leading, other

    def _salesforce_copies(self, held_by: TrueRep) -> tuple[MeetingCopy, ...]:
        leading = self._copy("salesforce", "leading", held_by)
        if self._random.random() >= INVITEE_SHARE:
            return (leading,)
        others = [rep for rep in self._world.field_reps if rep != held_by]
        invited = others[int(self._random.integers(len(others)))]
        return leading, replace(self._copy("salesforce", "invitee", invited), has_feedback=False)

    def _copy(self, crm: str, reason: str, owner: TrueRep) -> MeetingCopy:
        crm_id: CrmId = self._world.numbering.new(
            "hubspot" if crm == "hubspot" else "salesforce", "meetings" if crm == "hubspot" else "Event"
        )
        kind = "invitee" if reason == "invitee" else "other_crm" if reason == "other_crm" else "leading"
        return MeetingCopy(crm_id, kind, owner.email, has_feedback=True, has_uid=True)  # type: ignore[arg-type]  # one of the three

    def _is_bad_time(self, starts_at: datetime) -> bool:
        return tokyo_day(starts_at) >= self._world.story.bad_source_since


def _sources_then() -> Mapping[str, float]:
    """Bookings by source once the list is bad, against a sum of 1 before."""
    return {
        source: share * (levels.BAD_SOURCE_PUSH if source == BAD_SOURCE else levels.OTHER_SOURCES_THEN)
        for source, share in levels.SOURCES.items()
    }
