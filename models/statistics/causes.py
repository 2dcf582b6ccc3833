"""Of what does a gap consist? Parts that add up to it exactly, each with an interval and "more than noise or not".

A funnel (a product of factors) is split by Shapley, segments by Kitagawa into volume (mix) and rate. What the target asks beyond the
own past, and what still waits for a verdict, are parts of their own: they are no change in the work.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from math import factorial, log, prod, sqrt
from typing import Literal

Effect = Literal["factor", "mix", "rate", "leaver", "definition", "calendar", "stale_sync"]

TARGET_LEVEL = "target_level"  # the target asks for more (or less) than the own past gave
AWAITING = "awaiting_verdict"  # cases counted later, when the answer is there
DEFINITION = "definition"  # cases that the former definition would have counted
CALENDAR = "business_days"  # holidays: fewer business days than the weekdays say
OTHERS = "(others)"  # the small segments as one: they make the sum whole, and are nobody to talk to
FIXED_PARTS = (TARGET_LEVEL, AWAITING, DEFINITION, CALENDAR)  # no change in the work: nobody can act on them
INTERVAL_Z = 1.645  # half-width of a 90 % interval in standard errors
FAMILY_ERROR = 0.05  # chance that any part of a split is called significant when nothing happened
LEAST_SHARE_OF_GAP = 0.1  # less than a tenth of the gap is no cause of it, however sure


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a gap; `standard_error` is None where there is no chance in it. `rank` is None for what is no cause."""

    split: str
    part: str
    effect: Effect
    contribution: float
    standard_error: float | None
    is_significant: bool = False
    rank: int | None = None

    @property
    def lower(self) -> float:
        """Low end of the 90 % interval."""
        return self.contribution - INTERVAL_Z * (self.standard_error or 0.0)

    @property
    def upper(self) -> float:
        """High end of the 90 % interval."""
        return self.contribution + INTERVAL_Z * (self.standard_error or 0.0)

    @property
    def sure_size(self) -> float:
        """The end of the interval nearer to zero, without sign: it explains at least so much."""
        return max(0.0, min(abs(self.lower), abs(self.upper))) if self.lower * self.upper > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Cases and hits of one segment now and in the baseline; `awaiting` of the cases now have no verdict yet.

    `redefined` cases now are no hits by the present definition alone: the one of the baseline would have counted them.
    """

    name: str
    hits: float
    cases: float
    past_hits: float
    past_cases: float
    awaiting: float = 0.0
    redefined: float = 0.0

    @property
    def past_rate(self) -> float:
        """Hits per case in the baseline; of a new segment, its own rate now."""
        return self.past_hits / self.past_cases if self.past_cases > 0 else self.rate

    @property
    def rate(self) -> float:
        """Hits per judged case now, by the baseline's definition; of a segment without any, its past rate (no evidence of a change)."""
        judged = self.cases - self.awaiting
        if judged > 0:
            return (self.hits + self.redefined) / judged
        return self.past_hits / self.past_cases if self.past_cases > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Noise:
    """What the intervals need: `scale` turns baseline volume into that of the period so far, `dispersion` is variance over mean.

    `amount_variation` is the standard deviation of a single amount over its mean: the noise of an amount per deal.
    """

    scale: float
    dispersion: float = 1.0
    rate_dispersion: float = 1.0
    amount_variation: float | None = None


def shapley(now: Sequence[float], before: Sequence[float]) -> list[float]:
    """Split prod(now) - prod(before) over the factors: each gets its average effect over all orders of change.

    >>> shapley([2.0, 3.0], [1.0, 3.0])
    [3.0, 0.0]
    """
    count = len(now)
    shares = []
    for factor in range(count):
        others = [index for index in range(count) if index != factor]
        share = 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            share += weight * sum(
                _product_without(now, before, factor, set(chosen)) for chosen in combinations(others, size)
            )
        shares.append(share * (now[factor] - before[factor]))
    return shares


def split_funnel(
    stages_now: Mapping[str, float],
    stages_before: Mapping[str, float],
    *,
    gap: float,
    noise: Noise,
    awaiting: float = 0.0,
    redefined: float = 0.0,
) -> list[Part]:
    """Split a gap over the stages of a funnel, each a count; factor n is stage n per stage n-1, the first its volume.

    `awaiting` hits of the last stage are expected from cases without a verdict, `redefined` ones the baseline's definition
    would have counted. With an amount's variation in `noise` the last stage is a sum of amounts. No parts when a stage is
    empty: there is no rate to compare.
    """
    now = {**stages_now}
    last = next(reversed(now))
    now[last] += awaiting + redefined
    before = {name: stages_before[name] * noise.scale for name in now}
    if min(*now.values(), *before.values()) <= 0:
        return []
    contributions = shapley(_factors(now), _factors(before))
    mean = _logarithmic_mean(now[last], before[last])
    errors = _funnel_errors(now, stages_before, noise)
    if noise.amount_variation is not None:
        count = list(now)[-2]
        errors[-1] = noise.amount_variation * sqrt(1 / now[count] + 1 / stages_before[count])
    parts = [
        Part("funnel", name, "factor", contribution, mean * error)
        for name, contribution, error in zip(now, contributions, errors, strict=True)
    ]
    return _finish("funnel", parts, gap=gap, awaiting=awaiting, redefined=redefined)


def split_count(split: str, segments: Sequence[Segment], *, gap: float, noise: Noise, has_rate: bool) -> list[Part]:
    """Split a count's gap over segments: by their volume (mix) and, when hits have cases, their hits per case (rate).

    Cases without a verdict are assumed to turn out as the segment's judged ones; what they will bring is a part of its own.
    """
    parts: list[Part] = []
    awaiting = 0.0
    for row in segments:
        if not has_rate:
            change = row.hits - row.past_hits * noise.scale
            parts.append(Part(split, row.name, "mix", change, _count_error(row.hits, row.past_hits, noise)))
            continue
        awaiting += row.awaiting * row.rate
        parts += _volume_and_rate(split, row, noise)
    return _finish(split, parts, gap=gap, awaiting=awaiting, redefined=sum(row.redefined for row in segments))


def split_rate(split: str, segments: Sequence[Segment], *, gap: float, dispersion: float = 1.0) -> list[Part]:
    """Split a rate's gap (Kitagawa): a segment's share among the cases (mix), and its own rate by the baseline's definition."""
    cases = sum(row.cases for row in segments)
    past_cases = sum(row.past_cases for row in segments)
    if cases <= 0 or past_cases <= 0:
        return []
    redefined = sum(row.redefined for row in segments)
    overall = (
        (sum(row.hits for row in segments) + redefined) / cases + sum(row.past_hits for row in segments) / past_cases
    ) / 2
    parts: list[Part] = []
    for row in segments:
        share, past_share = row.cases / cases, row.past_cases / past_cases
        distance = (_plain_rate(row) + row.past_rate) / 2 - overall
        weight = (share + past_share) / 2
        share_error = sqrt(dispersion * (_binomial(share, cases) + _binomial(past_share, past_cases)))
        parts += [
            Part(split, row.name, "mix", (share - past_share) * distance, abs(distance) * share_error),
            Part(
                split,
                row.name,
                "rate",
                (_plain_rate(row) - row.past_rate) * weight,
                weight * _rate_error(row, Noise(1.0, rate_dispersion=dispersion)),
            ),
        ]
    return _finish(split, parts, gap=gap, awaiting=0.0, redefined=redefined / cases)


def rank_parts(parts: Sequence[Part], *, gap: float) -> list[Part]:
    """Rank the significant parts that point the way of the gap, over all splits, from 1.

    Segments, a new definition and holidays stand before the funnel's factors, because they say where to look and the factors
    only how it shows; the target's own level comes last. Among equals the one that is sure to explain the most leads: a rate
    that fell in one source also shows, diluted, in every method and rep that works it.
    """
    causes = [
        part
        for part in parts
        if part.is_significant
        and part.part != OTHERS
        and part.contribution * gap > 0
        and abs(part.contribution) >= LEAST_SHARE_OF_GAP * abs(gap)
    ]
    causes.sort(key=lambda part: (_rank_class(part), -part.sure_size, part.split, part.part, part.effect))
    causes = _each_fixed_once(causes)
    ranks = {(part.split, part.part, part.effect): position for position, part in enumerate(causes, start=1)}
    return [replace(part, rank=ranks.get((part.split, part.part, part.effect))) for part in parts]


def merge_small(segments: Sequence[Segment], *, keep: int, named: Collection[str] = ()) -> list[Segment]:
    """Keep the `keep` largest segments and add the others up as one, so that a list stays readable and still adds up.

    Those that are `named` stay, too, however small.
    """
    ordered = sorted(
        segments,
        key=lambda row: (row.name not in named, -(row.cases + row.past_cases + row.hits + row.past_hits), row.name),
    )
    keep += sum(row.name in named for row in segments)
    kept, rest = ordered[:keep], ordered[keep:]
    if not rest:
        return kept
    names = ("hits", "cases", "past_hits", "past_cases", "awaiting", "redefined")
    sums = {name: sum(getattr(row, name) for row in rest) for name in names}
    return [*kept, Segment(name=OTHERS, **sums)]


def named_leavers(parts: Sequence[Part], leavers: Collection[str]) -> list[Part]:
    """Call the volume that went with people who left by its name."""
    return [
        replace(part, effect="leaver")
        if part.split == "rep" and part.effect == "mix" and part.part in leavers and part.contribution < 0
        else part
        for part in parts
    ]


def against_past(parts: Sequence[Part], *, gap: float) -> list[Part]:
    """Leave out the target's level where the past itself is what is compared with: nothing but rounding is left of it."""
    limit = 1e-9 * max([1.0, abs(gap), *(abs(part.contribution) for part in parts if part.part != TARGET_LEVEL)])
    return [part for part in parts if part.part != TARGET_LEVEL or abs(part.contribution) > limit]


def _each_fixed_once(causes: Sequence[Part]) -> list[Part]:
    """Keep what is no change in the work once: every split has it as a part."""
    first = {part.part: part for part in reversed(causes)}
    return [part for part in causes if part.part not in FIXED_PARTS or part is first[part.part]]


def _product_without(now: Sequence[float], before: Sequence[float], factor: int, changed: set[int]) -> float:
    return prod(now[i] if i in changed else before[i] for i in range(len(now)) if i != factor)


def _factors(stages: Mapping[str, float]) -> list[float]:
    values = list(stages.values())
    return [values[0], *(after / before for before, after in pairwise(values))]


def _funnel_errors(now: Mapping[str, float], past: Mapping[str, float], noise: Noise) -> list[float]:
    """Relative standard errors of the factors' changes; a step that loses cases is binomial, one that gains them Poisson."""
    errors = []
    previous: str | None = None
    for name in now:
        variance = 0.0
        for stages in (now, past):
            survival = 0.0 if previous is None else min(stages[name] / stages[previous], 1.0)
            variance += noise.dispersion * (1 - survival) / stages[name]
        errors.append(sqrt(variance))
        previous = name
    return errors


def _logarithmic_mean(first: float, second: float) -> float:
    return first if abs(first - second) < 1e-9 * first else (first - second) / log(first / second)


def _volume_and_rate(split: str, row: Segment, noise: Noise) -> list[Part]:
    before = row.past_cases * noise.scale
    rate = (row.rate + row.past_rate) / 2
    volume = (row.cases + before) / 2
    return [
        Part(
            split, row.name, "mix", (row.cases - before) * rate, rate * _count_error(row.cases, row.past_cases, noise)
        ),
        Part(
            split,
            row.name,
            "rate",
            (row.rate - row.past_rate) * volume,
            volume * _rate_error(row, noise),
        ),
    ]


def _count_error(count: float, past: float, noise: Noise) -> float:
    """Both counts are noisy; a baseline of none still may have been one."""
    return sqrt(noise.dispersion * (max(count, 1.0) + noise.scale**2 * max(past, 1.0)))


def _rate_error(row: Segment, noise: Noise) -> float:
    judged = row.cases - row.awaiting
    if judged <= 0 or row.past_cases <= 0:
        return 0.0  # no change was claimed
    if noise.amount_variation is not None:  # an amount per event is a mean, not a share
        return noise.amount_variation * row.past_rate * sqrt(1 / judged + 1 / row.past_cases)
    dispersion = noise.rate_dispersion
    now, past = (row.hits + row.redefined + 0.5) / (judged + 1), (row.past_hits + 0.5) / (row.past_cases + 1)
    return sqrt(dispersion * (_binomial(now, judged) + _binomial(past, row.past_cases)))


def _plain_rate(row: Segment) -> float:
    return (row.hits + row.redefined) / row.cases if row.cases > 0 else row.past_rate


def _binomial(rate: float, cases: float) -> float:
    rate = min(max(rate, 0.0), 1.0)  # means (amount per deal) are no shares: they get no binomial noise
    return rate * (1 - rate) / cases


def _finish(split: str, parts: list[Part], *, gap: float, awaiting: float, redefined: float = 0.0) -> list[Part]:
    """Add the fixed parts so that all add up to the gap, and mark what is more than noise."""
    if awaiting:
        parts = [*parts, Part(split, AWAITING, "factor" if split == "funnel" else "mix", -awaiting, None)]
    if redefined:
        parts = [*parts, Part(split, DEFINITION, "definition", -redefined, None)]
    rest = gap - sum(part.contribution for part in parts)
    level = Part(split, TARGET_LEVEL, "factor" if split == "funnel" else "mix", rest, None)
    threshold = _threshold(len(parts))
    marked = [replace(part, is_significant=_is_more_than_noise(part, threshold)) for part in parts]
    return [*marked, replace(level, is_significant=abs(rest) > 0.5 * abs(gap))]


def _is_more_than_noise(part: Part, threshold: float) -> bool:
    if part.effect == "definition":  # counted case by case: there is no chance in it
        return True
    return part.standard_error is not None and abs(part.contribution) > threshold * part.standard_error > 0


def _threshold(count: int) -> float:
    """Standard errors that a part must be away from zero when so many are looked at (Bonferroni)."""
    from scipy import special

    return float(special.ndtri(1 - FAMILY_ERROR / 2 / max(count, 1)))


def _rank_class(part: Part) -> int:
    if part.part == TARGET_LEVEL:
        return 2
    if part.part in (DEFINITION, CALENDAR):  # known, not inferred; it competes by its size
        return 0
    return 1 if part.split == "funnel" else 0
