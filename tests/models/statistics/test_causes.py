"""A gap's parts add up to it, say how sure they are, and name the right one first."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.causes import (
    AWAITING,
    OTHERS,
    TARGET_LEVEL,
    Noise,
    Part,
    Segment,
    merge_small,
    rank_parts,
    shapley,
    split_count,
    split_funnel,
    split_rate,
)

counts = st.integers(0, 500).map(float)
factors = st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=1, max_size=6)


@st.composite
def segments(draw: st.DrawFn) -> list[Segment]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        cases, past_cases = draw(counts), draw(counts)
        awaiting = draw(st.floats(0, 1)) * cases
        hits = draw(st.floats(0, 1)) * (cases - awaiting)
        past_hits = draw(st.floats(0, 1)) * past_cases
        found.append(Segment(f"s{number}", hits, cases, past_hits, past_cases, awaiting))
    return found


def total(parts: list[Part]) -> float:
    return sum(part.contribution for part in parts)


def work(parts: list[Part]) -> list[Part]:
    return [part for part in parts if part.part not in (TARGET_LEVEL, AWAITING)]


@given(factors)
def test_shapley_parts_add_up_to_the_difference_of_the_products(pairs: list[tuple[float, float]]) -> None:
    now, before = [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    shares = shapley(now, before)

    scale = max(prod(now), prod(before))
    assert sum(shares) == pytest.approx(prod(now) - prod(before), rel=1e-9, abs=1e-9 * scale)


@given(factors)
def test_shapley_does_not_depend_on_the_order_of_factors(pairs: list[tuple[float, float]]) -> None:
    now, before = [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    assert shapley(now[::-1], before[::-1]) == pytest.approx(shapley(now, before)[::-1], rel=1e-6, abs=1e-6 * prod(now))


def test_a_factor_that_did_not_change_has_no_part() -> None:
    assert shapley([10.0, 0.5], [10.0, 0.7])[0] == 0


@given(segments(), st.floats(0.05, 2), st.floats(0, 500))
def test_parts_of_a_count_add_up_to_the_gap(rows: list[Segment], scale: float, expected: float) -> None:
    hits = sum(row.hits for row in rows)

    parts = split_count("lead_source", rows, gap=hits - expected, noise=Noise(scale), has_rate=True)

    assert total(parts) == pytest.approx(hits - expected, rel=1e-9, abs=1e-9)
    # the last part takes the rest, so the law is tested on the others: they are the change in the work itself
    after = hits + sum(row.awaiting * row.rate for row in rows)
    before = scale * sum(row.past_hits if row.past_cases else 0 for row in rows)
    assert total(work(parts)) == pytest.approx(after - before, rel=1e-9, abs=1e-6)


@given(segments(), st.floats(0, 1))
def test_parts_of_a_rate_add_up_to_the_gap(rows: list[Segment], target: float) -> None:
    cases, past_cases = sum(row.cases for row in rows), sum(row.past_cases for row in rows)
    if not cases or not past_cases:
        return
    rate, past = sum(row.hits for row in rows) / cases, sum(row.past_hits for row in rows) / past_cases

    parts = split_rate("rep", rows, gap=rate - target)

    assert total(parts) == pytest.approx(rate - target, rel=1e-9, abs=1e-9)
    assert total(work(parts)) == pytest.approx(rate - past, abs=1e-9)


@given(st.lists(st.floats(1, 1e4), min_size=3, max_size=6), st.floats(0.05, 2), st.floats(0, 50))
def test_parts_of_a_funnel_add_up_to_the_gap(stages: list[float], scale: float, awaiting: float) -> None:
    names = [f"stage{number}" for number in range(len(stages))]
    now = dict(zip(names, sorted(stages, reverse=True), strict=True))
    before = {name: 1 + value / (number + 1) for number, (name, value) in enumerate(now.items())}

    last = now[names[-1]]
    parts = split_funnel(now, before, gap=last - 40, noise=Noise(scale), awaiting=awaiting)

    assert total(parts) == pytest.approx(last - 40, rel=1e-9, abs=1e-9)
    change = last + awaiting - before[names[-1]] * scale
    assert total(work(parts)) == pytest.approx(change, rel=1e-9, abs=1e-6)


def test_an_empty_stage_gives_no_funnel() -> None:
    assert split_funnel({"a": 0.0, "b": 0.0}, {"a": 10.0, "b": 5.0}, gap=-5, noise=Noise(1.0)) == []


def a_bad_source(bad_rate: float = 0.1) -> list[Segment]:
    return [
        Segment("purchased_list", hits=60 * bad_rate, cases=60, past_hits=105, past_cases=210),
        Segment("web", hits=70, cases=140, past_hits=260, past_cases=520),
        Segment("event", hits=20, cases=40, past_hits=72, past_cases=145),
    ]


def test_the_source_that_went_bad_is_named_first() -> None:
    rows = a_bad_source()
    gap = sum(row.hits for row in rows) - 125

    parts = rank_parts(split_count("lead_source", rows, gap=gap, noise=Noise(1 / 3.6), has_rate=True), gap=gap)

    first = next(part for part in parts if part.rank == 1)
    assert (first.part, first.effect) == ("purchased_list", "rate")
    assert first.lower < first.contribution < first.upper < 0


def test_nothing_is_named_when_nothing_changed() -> None:
    rows = a_bad_source(bad_rate=0.5)
    gap = sum(row.hits for row in rows) - 118

    parts = rank_parts(split_count("lead_source", rows, gap=gap, noise=Noise(1 / 3.6), has_rate=True), gap=gap)

    assert [part for part in parts if part.rank and part.part != TARGET_LEVEL] == []


def test_noise_alone_is_called_significant_in_at_most_one_of_ten_splits() -> None:
    random = np.random.default_rng(5)
    false = 0
    for _ in range(400):
        rows = []
        for number in range(6):
            cases, past_cases = random.poisson(30), random.poisson(90)
            hits, past_hits = random.binomial(cases, 0.5), random.binomial(past_cases, 0.5)
            rows.append(Segment(f"s{number}", float(hits), float(cases), float(past_hits), float(past_cases)))
        parts = split_count("lead_source", rows, gap=-10, noise=Noise(1 / 3), has_rate=True)
        false += any(part.is_significant for part in work(parts))

    assert false / 400 <= 0.10


def test_a_leaver_is_no_cause_while_the_loss_is_within_noise() -> None:
    rows = [Segment("left", 0, 0, 2, 3), *(Segment(f"r{n}", 10, 20, 30, 60) for n in range(5))]

    parts = rank_parts(split_count("rep", rows, gap=-8, noise=Noise(1 / 3, 2.0), has_rate=True), gap=-8)

    assert all(part.rank is None for part in parts if part.part == "left")


def test_waiting_meetings_are_no_fall_of_the_rate() -> None:
    rows = [Segment("web", hits=20, cases=60, past_hits=120, past_cases=240, awaiting=20)]

    parts = split_count("lead_source", rows, gap=-10, noise=Noise(0.25), has_rate=True)

    by_name = {(part.part, part.effect): part.contribution for part in parts}
    assert by_name["web", "rate"] == pytest.approx(0)
    assert by_name[AWAITING, "mix"] == pytest.approx(-10)


def a_part(name: str, contribution: float, **changes: object) -> Part:
    values: dict[str, object] = {"split": "lead_source", "part": name, "effect": "rate", "standard_error": 1.0}
    return Part(**(values | {"contribution": contribution, "is_significant": True} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "rank"),
    [
        pytest.param(a_part("down", -5.0), 1, id="significant and in the gap's direction"),
        pytest.param(a_part("up", 5.0), None, id="against the gap"),
        pytest.param(a_part("noise", -5.0, is_significant=False), None, id="noise"),
        pytest.param(a_part("small", -0.9), None, id="under a tenth of the gap"),
        pytest.param(a_part(OTHERS, -5.0), None, id="nobody in particular"),
    ],
)
def test_what_may_be_called_a_cause(part: Part, rank: int | None) -> None:
    assert rank_parts([part], gap=-10)[0].rank == rank


def test_the_order_of_causes() -> None:
    level = a_part(TARGET_LEVEL, -9.0, standard_error=None, effect="mix")
    parts = [
        level,
        a_part(TARGET_LEVEL, -9.0, standard_error=None, effect="mix", split="rep"),
        a_part("valid_per_held", -8.0, split="funnel", effect="factor"),
        a_part("call", -7.0, split="response_method", standard_error=3.0),
        a_part("purchased_list", -6.0, standard_error=1.0),
    ]

    ranked = sorted((part for part in rank_parts(parts, gap=-10) if part.rank), key=lambda part: part.rank or 0)

    assert [part.part for part in ranked] == ["purchased_list", "call", "valid_per_held", TARGET_LEVEL]


@given(segments(), st.integers(1, 6))
def test_merging_small_segments_keeps_the_sums(rows: list[Segment], keep: int) -> None:
    merged = merge_small(rows, keep=keep)

    assert len(merged) <= keep + 1
    for name in ("hits", "cases", "past_hits", "past_cases", "awaiting"):
        assert sum(getattr(row, name) for row in merged) == pytest.approx(sum(getattr(row, name) for row in rows))
