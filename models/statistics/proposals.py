"""What to do about an alert: act on a lever, propose another target, or wait for a sign by a day? A rule, not an opinion.

People decide: a target is changed by signing it, never by this.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from models.statistics.causes import FIXED_PARTS

Choice = Literal["act", "reset_target", "wait"]
REPEATED_MISS = 2.0  # standard errors of two months below what is due: no run of bad luck, the level is another one


@dataclass(frozen=True, slots=True)
class Matter:
    """What is known of an alert tonight. `cause` is split:part:effect, `due_next` what is due by `sign_date`; `is_level`: a rate."""

    is_ahead: bool
    cause: str | None
    actual: float
    expected: float
    target: float
    forecast: float
    evidence: float | None
    due_next: float
    sign_date: date
    period_end: date
    is_level: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """The choice, the lever it pulls, how much more it needs (of a rate: which), or the new target, or the sign to see, and by when."""

    choice: Choice
    lever: str | None
    value: float
    by: date


def propose(matter: Matter) -> Proposal:
    """Choose: a cause that can be worked on is worked on; a level that left its target asks for another one; luck is waited out."""
    if matter.is_ahead:
        return Proposal("reset_target", None, _own_level(matter), matter.period_end)
    if matter.cause is not None and not _is_level(matter.cause):
        needed = matter.target if matter.is_level else max(matter.target - matter.forecast, 0.0)
        return Proposal("act", matter.cause, needed, matter.period_end)
    if matter.cause is not None or (matter.evidence is not None and matter.evidence <= -REPEATED_MISS):
        return Proposal("reset_target", None, _own_level(matter), matter.period_end)
    return Proposal("wait", None, matter.due_next, matter.sign_date)


def _is_level(cause: str) -> bool:
    return cause.split(":")[1] in FIXED_PARTS


def _own_level(matter: Matter) -> float:
    """Give what a whole period brings on current form: the rest that is forecast, blown up to a period."""
    share = matter.expected / matter.target if matter.target else 1.0
    if share >= 0.9:  # too little rest to tell a level from
        return matter.forecast
    return max(matter.forecast - matter.actual, 0.0) / (1 - share)
