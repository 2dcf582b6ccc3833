"""Calls, e-mails and notes: many, cheap, mostly without result. Drawn in bulk, then dealt to the contacts of each rep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar

import numpy as np

from connectors.sandbox.company import levels
from connectors.sandbox.company.entities import CrmId, TrueCall, TrueContact, TrueEmail, TrueMeeting, TrueNote, TrueRep
from connectors.sandbox.company.workdays import at_tokyo
from connectors.sandbox.company.world import World, choose, office_minutes

DELETED_SHARE = 0.0015
FEW = 3  # below so many own contacts a rep calls those of the whole CRM
LOGGING_SECONDS = 30  # from the end of a call until it stands in the CRM
REPLY_HOURS = (0.2, 48.0)
PLANNED_MINUTES = 10 * 60
CALL_OBJECTS: Final = {"hubspot": "calls", "salesforce": "Task"}
EMAIL_OBJECTS: Final = {"hubspot": "emails", "salesforce": "EmailMessage"}
# median seconds and spread of a call by its result; a missing result looks like no answer
DURATIONS: Final[Mapping[str | None, tuple[float, float]]] = {
    "connected": (190, 0.7),
    "left_message": (45, 0.4),
    "no_answer": (22, 0.3),
    "busy": (8, 0.4),
    "wrong_number": (25, 0.5),
    None: (24, 0.5),
}
METHOD_BY_SOURCE: Final = {"web_form": "form_reply", "webinar": "event_follow_up", "trade_show": "event_follow_up"}
METHOD_BY_SOURCE_SHARE = 0.45
NOTE_TEXTS = (
    "先方は来期の予算を検討中。",
    "決裁者の予定を確認する。",
    "Wants a comparison with the present tool.",
    "導入事例の資料を送付済み。",
    "Call back after the fiscal year ends.",
)

_Row = TypeVar("_Row", TrueCall, TrueEmail)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Who did something to whom, and when."""

    rep: TrueRep
    contact: TrueContact
    at: datetime


class ContactPools:
    """Which contacts a rep may reach at a moment: own ones by day of creation, newer ones rather than old."""

    def __init__(self, world: World, contacts: Sequence[TrueContact]) -> None:
        alive = sorted((c for c in contacts if c.deleted_at is None), key=lambda c: (c.created_at, c.key))
        self._pools = {rep.email: [c for c in alive if c.owner_email == rep.email] for rep in world.staffing.reps}
        self._all = {rep.email: [c for c in alive if c.home == rep.home] for rep in world.staffing.reps}
        for rep in world.staffing.reps:
            if len(self._pools[rep.email]) < FEW:
                self._pools[rep.email] = self._all[rep.email]

    def pick(self, rep: TrueRep, moments: np.ndarray, random: np.random.Generator) -> list[TrueContact]:
        """One contact per moment (seconds since 1970), made before it."""
        pool, everyone = self._pools[rep.email], self._all[rep.email]
        positions = np.sqrt(random.random(len(moments)))
        own = np.searchsorted(_created(pool), moments)
        others = np.searchsorted(_created(everyone), moments)
        picks = np.where(own >= FEW, own, np.maximum(others, 1)) * positions
        return [
            (pool if count >= FEW else everyone)[int(index)] for index, count in zip(picks, own.tolist(), strict=True)
        ]


class ActivitySimulation:
    """Calls, e-mails and notes of one year."""

    def __init__(self, world: World, contacts: Sequence[TrueContact], meetings: Sequence[TrueMeeting]) -> None:
        self._world, self._contacts, self._meetings = world, contacts, meetings
        self._pools = ContactPools(world, contacts)
        self._rep = {rep.email: rep for rep in world.reps}

    def calls(self) -> tuple[TrueCall, ...]:
        """Calls that led to a booking, those that did not, and a few still to be made."""
        random = self._world.random(5)
        booked = self._booking_calls(random)
        per_day = self._world.per_day(levels.CALLS_PER_MONTH) - len(booked) / len(self._world.days)
        cold = self._attempts(per_day, levels.CALL_SPREAD, levels.CALL_WEEKDAYS, random)
        marked = sorted([(a, True) for a in booked] + [(a, False) for a in cold], key=lambda pair: pair[0].at)
        calls = self._made(marked, random)
        calls += self._planned(len(calls), random)
        return tuple(_with_deleted(calls, self._world.cutoff, random))

    def emails(self) -> tuple[TrueEmail, ...]:
        """Outgoing e-mails, and the answers that came in."""
        random = self._world.random(6)
        per_day = self._world.per_day(levels.EMAILS_PER_MONTH) * (1 - levels.INBOUND_EMAIL_SHARE)
        sent = self._attempts(per_day, levels.EMAIL_SPREAD, levels.BOOKING_WEEKDAYS, random)
        rows: list[TrueEmail] = []
        for attempt, method in zip(sent, self._methods(sent, "email", random), strict=True):
            rows.append(self._email(attempt, method, random))
            if rows[-1].reply_count:
                rows += self._answer(rows[-1], random)
        rows.sort(key=lambda email: email.sent_at)
        return tuple(
            _with_deleted([self._numbered(n, row) for n, row in enumerate(rows, 1)], self._world.cutoff, random)
        )

    def notes(self) -> tuple[TrueNote, ...]:
        """What field sales wrote down after some HubSpot meetings."""
        random = self._world.random(7)
        held = [m for m in self._meetings if m.outcome == "held" and m.copies[0].crm_id.crm == "hubspot"]
        chosen = sorted(choose(range(len(held)), round(levels.NOTES_PER_YEAR * self._world.scale), random))
        return tuple(
            TrueNote(
                key=number,
                crm_id=self._world.numbering.new("hubspot", "notes"),
                rep_email=held[index].held_by,
                contact_key=held[index].contact_key,
                body=NOTE_TEXTS[int(random.integers(len(NOTE_TEXTS)))],
                written_at=held[index].ends_at + timedelta(minutes=int(random.integers(1, 40))),
            )
            for number, index in enumerate(chosen, 1)
        )

    # -- who, whom, when

    def _attempts(
        self, per_day: float, spread: float, weekdays: Sequence[float], random: np.random.Generator
    ) -> list[_Attempt]:
        world, reps = self._world, self._world.staffing.reps
        rhythm = np.array(world.workdays.rhythm(world.days, weekdays)) * np.array(world.week_factors(spread, random))
        shares = np.array([world.staffing.shares(day) for day in world.days])
        counts = random.poisson(per_day * rhythm[:, None] * shares)
        midnights = np.array([at_tokyo(day, 0).timestamp() for day in world.days])
        attempts: list[_Attempt] = []
        for number, rep in enumerate(reps):
            moments = np.repeat(midnights, counts[:, number]) + 60 * office_minutes(
                random, int(counts[:, number].sum())
            )
            moments = np.floor(moments)
            contacts = self._pools.pick(rep, moments, random)
            pairs = zip(contacts, moments.tolist(), strict=True)
            attempts += [_Attempt(rep, contact, datetime.fromtimestamp(at, UTC)) for contact, at in pairs]
        return sorted(attempts, key=lambda attempt: attempt.at)

    def _methods(self, attempts: Sequence[_Attempt], usual: str, random: np.random.Generator) -> list[str | None]:
        """How each lead was handled: as its source suggests, else by the plain method; sometimes nobody recorded it."""
        recorded = random.random(len(attempts)) < levels.METHOD_RECORDED_SHARE
        special = random.random(len(attempts)) < METHOD_BY_SOURCE_SHARE
        named = [METHOD_BY_SOURCE.get(a.contact.lead_source_first or "", usual) for a in attempts]
        choices = zip(named, special.tolist(), recorded.tolist(), strict=True)
        return [(name if is_special else usual) if is_recorded else None for name, is_special, is_recorded in choices]

    # -- calls

    def _booking_calls(self, random: np.random.Generator) -> list[_Attempt]:
        """A connected call stands before each booking by phone."""
        by_phone = [m for m in self._meetings if m.response_method == "call" and m.rescheduled_from is None]
        minutes = random.uniform(3, 12, len(by_phone)).tolist()
        return [
            _Attempt(
                self._rep[m.booked_by],
                self._contacts[m.contact_key - 1],
                m.booked_at - timedelta(seconds=int(60 * gap)),
            )
            for m, gap in zip(by_phone, minutes, strict=True)
        ]

    def _made(self, marked: Sequence[tuple[_Attempt, bool]], random: np.random.Generator) -> list[TrueCall]:
        count = len(marked)
        results = list(levels.DISPOSITIONS)
        shares = np.array(list(levels.DISPOSITIONS.values()))
        drawn = random.choice(len(results), count, p=shares / shares.sum()).tolist()
        lengths = random.normal(0, 1, count).tolist()
        inbound = (random.random(count) < levels.INBOUND_CALL_SHARE).tolist()
        cancelled = (random.random(count) < levels.CANCELLED_CALL_SHARE).tolist()
        methods = self._methods([attempt for attempt, _ in marked], "call", random)
        calls = []
        for n, (attempt, is_booking) in enumerate(marked):
            result = "connected" if is_booking else results[drawn[n]]
            is_cancelled = cancelled[n] and not is_booking
            median, spread = DURATIONS[result]
            seconds = 0 if is_cancelled else int(median * np.exp(spread * lengths[n]))
            created_at = attempt.at + timedelta(seconds=seconds + LOGGING_SECONDS)
            calls.append(
                TrueCall(
                    key=n + 1,
                    crm_id=self._world.numbering.new(attempt.rep.home, CALL_OBJECTS[attempt.rep.home]),
                    rep_email=attempt.rep.email,
                    contact_key=attempt.contact.key,
                    direction="inbound" if inbound[n] and not is_booking else "outbound",
                    disposition=None if is_cancelled else result,
                    status="cancelled" if is_cancelled else "completed",
                    response_method=methods[n],
                    duration_seconds=seconds,
                    called_at=created_at if is_cancelled and _is_undated(attempt.rep) else attempt.at,
                    created_at=created_at,
                )
            )
        return calls

    def _planned(self, last_key: int, random: np.random.Generator) -> list[TrueCall]:
        """Calls that reps have put on their list for the coming days."""
        world, last_day = self._world, self._world.days[-1]
        reps = [rep for rep in world.staffing.reps if rep.is_active for _ in range(levels.PLANNED_CALLS_PER_REP)]
        created_at = at_tokyo(last_day, 18 * 60 + 45)
        contacts = [self._pools.pick(rep, np.array([created_at.timestamp()]), random)[0] for rep in reps]
        days: list[date] = [world.workdays.after(last_day, int(random.integers(1, 6))) for _ in reps]
        return [
            TrueCall(
                key=last_key + n,
                crm_id=world.numbering.new(rep.home, CALL_OBJECTS[rep.home]),
                rep_email=rep.email,
                contact_key=contact.key,
                direction="outbound",
                disposition=None,
                status="planned",
                response_method=None,
                duration_seconds=0,
                called_at=created_at if _is_undated(rep) else at_tokyo(day, PLANNED_MINUTES),
                created_at=created_at,
            )
            for n, (rep, contact, day) in enumerate(zip(reps, contacts, days, strict=True), 1)
        ]

    # -- e-mails

    def _email(self, attempt: _Attempt, method: str | None, random: np.random.Generator) -> TrueEmail:
        fate = random.random()
        status = "sent"
        if fate < levels.BOUNCED_SHARE + levels.FAILED_SHARE:
            is_bounced = fate < levels.BOUNCED_SHARE or attempt.rep.home == "salesforce"  # which knows no failed ones
            status = "bounced" if is_bounced else "failed"
        draws = random.random(3)
        is_replied = status == "sent" and draws[0] < levels.REPLIED_SHARE
        is_read = status == "sent" and (is_replied or draws[1] < levels.OPENED_BY_PERSON_SHARE)
        is_scanned = status == "sent" and draws[2] < levels.OPENED_BY_BOT_SHARE
        bots = 1 + int(random.poisson(0.4)) if is_scanned else 0
        return TrueEmail(
            key=0,
            crm_id=CrmId(attempt.rep.home, EMAIL_OBJECTS[attempt.rep.home], ""),
            rep_email=attempt.rep.email,
            contact_key=attempt.contact.key,
            direction="outbound",
            status=status,
            response_method=method,
            open_count=bots + (1 + int(random.poisson(0.8)) if is_read else 0),
            bot_open_count=bots,
            reply_count=int(is_replied),
            sent_at=attempt.at,
        )

    def _answer(self, email: TrueEmail, random: np.random.Generator) -> list[TrueEmail]:
        at = email.sent_at + timedelta(seconds=int(3600 * random.uniform(*REPLY_HOURS)))
        if at >= self._world.cutoff:
            return []
        return [
            replace(
                email,
                direction="inbound",
                response_method=None,
                open_count=0,
                bot_open_count=0,
                reply_count=0,
                sent_at=at,
            )
        ]

    def _numbered(self, key: int, email: TrueEmail) -> TrueEmail:
        return replace(email, key=key, crm_id=self._world.numbering.new(email.crm_id.crm, email.crm_id.object))


def _is_undated(rep: TrueRep) -> bool:
    """Salesforce knows the moment of a completed call only; any other stands at the moment it was entered."""
    return rep.home == "salesforce"


def _with_deleted(rows: list[_Row], cutoff: datetime, random: np.random.Generator) -> list[_Row]:
    """A few of them thrown away later by hand."""
    for index in sorted(choose(range(len(rows)), max(2, round(len(rows) * DELETED_SHARE)), random)):
        row = rows[index]
        last = row.created_at if isinstance(row, TrueCall) else row.sent_at
        rows[index] = replace(row, deleted_at=last + (cutoff - last) * float(random.uniform(0.01, 0.5)))
    return rows


def _created(pool: Sequence[TrueContact]) -> np.ndarray:
    return np.array([contact.created_at.timestamp() for contact in pool])
