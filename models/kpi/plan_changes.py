"""What would change if? One more rep, a better rate, a longer cycle: put on top of what was estimated."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.errors import PlanRequestError
from models.statistics.funnel import RATES, Estimates, with_rate
from models.statistics.planning import shifted

OPEN_RATES = ("average_deal", "booked_per_connect")  # amounts and ratios: the others are shares and end at 1
AMOUNT = re.compile(r"^(?P<sign>[+-]|=)?(?P<number>\d+(?:\.\d+)?)(?P<unit>pp|%)?$")
FORMS = "write +5pp (points), -10% (a part of it) or =0.6 (the figure itself)"
MOST_REPS = 1000  # no inside-sales team grows by more within a plan


@dataclass(frozen=True, slots=True)
class RateChange:
    """A rate times `factor`, plus `plus`, or set `to` a figure."""

    name: str
    factor: float = 1.0
    plus: float = 0.0
    to: float | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is tried: new reps from the day after as_of, rates, and how many times as long the way to a deal takes."""

    reps: int = 0
    rates: tuple[RateChange, ...] = ()
    cycle: float = 1.0

    def __bool__(self) -> bool:
        return self != Changes()


def read_changes(*, reps: int, rates: Sequence[str], cycle: str | None) -> Changes:
    """Read what was asked for on the command line; PlanRequestError says what cannot be read.

    >>> read_changes(reps=1, rates=["valid_rate=+5pp"], cycle="+20%").cycle
    1.2
    """
    if abs(reps) > MOST_REPS:
        raise PlanRequestError(f"{reps:+,} reps is no change of a team", f"at most {MOST_REPS:,}")
    return Changes(reps=reps, rates=tuple(_rate_change(text) for text in rates), cycle=_cycle(cycle))


def changed(known: Estimates, changes: Changes) -> Estimates:
    """Give the estimates with the changes on top; a refused rate stays refused."""
    for change in changes.rates:
        rate, most = known.rates[change.name], None if change.name in OPEN_RATES else 1.0
        factor = change.factor if change.to is None else change.to / rate.value
        known = with_rate(known, change.name, shifted(rate, factor=factor, plus=change.plus, most=most))
    return replace(known, cycle=known.cycle * changes.cycle)


def _rate_change(text: str) -> RateChange:
    name, separator, amount = (part.strip() for part in text.partition("="))
    if not separator or name not in RATES:
        raise PlanRequestError(f"{text!r} names no rate of the chain", f"use one of {', '.join(RATES)}")
    match = AMOUNT.match(amount.replace(" ", ""))
    if match is None:
        raise PlanRequestError(f"{amount!r} is no change of {name}", FORMS)
    number, sign, unit = float(match["number"]), match["sign"], match["unit"]
    if unit == "pp":
        if sign not in ("+", "-") or name in OPEN_RATES:
            raise PlanRequestError(f"{amount!r} is no change of {name}", "points go up or down, and only for shares")
        return RateChange(name, plus=float(f"{sign}{number / 100}"))
    if sign in ("+", "-"):
        if unit != "%" or (sign == "-" and number >= 100):
            raise PlanRequestError(f"{amount!r} is no change of {name}", FORMS)
        return RateChange(name, factor=1 + float(f"{sign}{number / 100}"))
    value = number / 100 if unit == "%" else number
    if value <= 0 or (value > 1 and name not in OPEN_RATES):
        raise PlanRequestError(f"{name} cannot be {amount}", "a share lies above 0 and up to 1")
    return RateChange(name, to=value)


def _cycle(text: str | None) -> float:
    if text is None:
        return 1.0
    match = AMOUNT.match(text.replace(" ", ""))
    if match is None or match["unit"] != "%" or match["sign"] not in ("+", "-"):
        raise PlanRequestError(f"{text!r} is no change of the cycle", "write +20% or -20%")
    factor = 1 + float(f"{match['sign']}{float(match['number']) / 100}")
    if not 0 < factor <= 10:
        raise PlanRequestError(f"a cycle {text} is none", "from more than -100% to +900%")
    return factor
