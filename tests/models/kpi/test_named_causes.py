"""What is no change in the work is named as the cause when it is one: a leaver, a definition, a holiday, a stale sync."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Agreement
from definitions_contract.signing import with_signatures
from models import tables
from models.kpi import causes, meeting_rule_results, meeting_verdicts
from models.statistics.causes import (
    CALENDAR,
    DEFINITION,
    TARGET_LEVEL,
    Noise,
    Part,
    Segment,
    against_past,
    named_leavers,
    rank_parts,
    split_count,
    split_funnel,
    split_rate,
)
from tests.models.factories import insert, row_of
from tests.models.kpi.demo_night import AS_OF, agreement, night, rows_of, write

LONGER_MINUTES = 30
LEAVER = "takuya.kobayashi@demo-company.example"
STEADY = Segment("web", hits=60, cases=100, past_hits=120, past_cases=200)


def first(parts: list[Part]) -> Part:
    return next(part for part in parts if part.rank == 1)


def test_a_leavers_volume_is_named_and_says_since_when() -> None:
    with night() as connection:
        (row,) = rows_of(
            connection, tables.causes, kpi_id="calls_made", scope_id="is_east", period_kind="month", rank=1
        )

    assert (row["split"], row["part"], row["effect"]) == ("rep", LEAVER, "leaver")
    assert row["evidence"].startswith("Left on 2026-07-23: 0 so far")


def test_who_left_and_is_not_missed_is_no_leaver_in_the_causes() -> None:
    part = Part("rep", "a", "mix", 4.0, 1.0)

    assert named_leavers([part], {"a"}) == [part]
    assert named_leavers([part], set()) == [part]


def test_meetings_that_only_a_new_rule_refused_are_the_definitions_part() -> None:
    tightened = [STEADY, Segment("event", hits=20, cases=100, past_hits=120, past_cases=200, redefined=38)]

    parts = rank_parts(split_count("lead_source", tightened, gap=-40.0, noise=Noise(0.5), has_rate=True), gap=-40.0)

    assert (first(parts).part, first(parts).contribution) == (DEFINITION, -38)
    assert sum(part.contribution for part in parts) == pytest.approx(-40.0, rel=1e-9)
    assert not [part for part in parts if part.part == "event" and part.is_significant]


def test_a_funnel_knows_the_definition_too() -> None:
    parts = split_funnel(
        {"held": 100.0, "valid": 20.0}, {"held": 100.0, "valid": 60.0}, gap=-40.0, noise=Noise(1.0), redefined=40.0
    )

    assert {part.part: part.contribution for part in parts} == pytest.approx(
        {"held": 0.0, "valid": 0.0, DEFINITION: -40.0, TARGET_LEVEL: 0.0}, abs=1e-9
    )


def _only_june_is_off(connection: sa.Connection, as_of: date) -> None:
    row = rows_of(connection, tables.divergence, kpi_id="valid_meetings", scope_kind="department")[0]
    period = {"period_kind": "month", "period_start": date(2026, 6, 1), "period_end": date(2026, 7, 1)}
    state = {"evaluated_date": as_of, "state": "off", "actual": 60.0, "expected_to_date": 90.0}
    connection.execute(sa.delete(tables.divergence))
    insert(connection, tables.divergence, row | period | state)


def test_a_new_definition_is_named_in_the_quarter_it_changed() -> None:
    as_of = date(2026, 6, 20)
    with night() as connection:
        _only_june_is_off(connection, as_of)
        write(connection, causes.PERIOD_CHANGES, as_of=as_of)
        (part,) = rows_of(connection, tables.period_changes, evaluated_date=as_of, part=DEFINITION, split="lead_source")
        refused = {
            row["meeting_id"]: row["failed_rules"]
            for row in rows_of(connection, tables.meeting_verdicts)
            if row["failed_rules"]
        }

    assert part["contribution"] < 0
    assert part["is_significant"]
    assert "since 2026-06-01" in part["evidence"]
    assert {refused[meeting_id] for meeting_id in part["evidence_ids"].split(",")} == {"decision_maker_present"}


def test_a_rate_knows_the_definition_too_and_its_parts_add_up() -> None:
    tightened = [STEADY, Segment("event", hits=20, cases=100, past_hits=120, past_cases=200, redefined=40)]

    parts = rank_parts(split_rate("lead_source", tightened, gap=-0.2), gap=-0.2)

    assert (first(parts).part, first(parts).effect) == (DEFINITION, "definition")
    assert first(parts).contribution == pytest.approx(-40 / 200)
    assert sum(part.contribution for part in parts) == pytest.approx(-0.2, rel=1e-9)
    assert [part.contribution for part in parts if part.part in ("web", "event")] == pytest.approx([0.0] * 4)


def tightened_agreement() -> Agreement:
    """Give the default agreement, whose second version asks twice as many minutes instead of the decision maker."""
    agreed = agreement()
    first_version, second = sorted(agreed.definitions, key=lambda one: one.version)
    longer = {"column": "minutes", "min_value": LONGER_MINUTES}
    rules = tuple(
        rule.model_copy(update={"kwargs": longer}) if rule.id == "long_enough" else rule
        for rule in second.rules
        if rule.id != "decision_maker_present"
    )
    signers = {signature.department: signature.name for signature in second.signatures}
    signed = with_signatures(second.model_copy(update={"rules": rules, "examples": ()}), signers, date(2026, 5, 1))
    return agreed.model_copy(update={"definitions": (first_version, signed)})


def test_a_rule_that_kept_its_id_and_became_stricter_is_the_definitions_part() -> None:
    as_of, agreed = date(2026, 6, 20), tightened_agreement()
    with night() as connection:
        _only_june_is_off(connection, as_of)
        write(connection, meeting_rule_results.MODEL, meeting_verdicts.MODEL, as_of=as_of, agreed=agreed)
        write(connection, causes.PERIOD_CHANGES, as_of=as_of, agreed=agreed)
        (part,) = rows_of(connection, tables.period_changes, evaluated_date=as_of, part=DEFINITION, split="lead_source")
        refused = {row["meeting_id"]: row["failed_rules"] for row in rows_of(connection, tables.meeting_verdicts)}
        minutes = {row["meeting_id"]: row["minutes"] for row in rows_of(connection, tables.meetings)}

    named = part["evidence_ids"].split(",")
    assert part["contribution"] < 0
    assert {refused[meeting_id] for meeting_id in named} == {"long_enough"}
    assert all(15 <= minutes[meeting_id] < LONGER_MINUTES for meeting_id in named)


def agreement_whose_second_version(drops: str | None = None, adds: Mapping[str, Any] | None = None) -> Agreement:
    """Give the default agreement with a second version that drops a rule of the first, or adds one."""
    agreed = agreement()
    first_version, second = sorted(agreed.definitions, key=lambda one: one.version)
    rules = [rule for rule in first_version.rules if rule.id != drops]
    rules += [] if adds is None else [rules[0].model_copy(update=dict(adds))]
    signers = {signature.department: signature.name for signature in second.signatures}
    changed = second.model_copy(update={"rules": tuple(rules), "examples": ()})
    return agreed.model_copy(
        update={"definitions": (first_version, with_signatures(changed, signers, date(2026, 5, 1)))}
    )


def definition_part(agreed: Agreement) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the definition's part of June's change to May, and the verdicts by meeting."""
    as_of = date(2026, 6, 20)
    with night() as connection:
        _only_june_is_off(connection, as_of)
        write(connection, meeting_rule_results.MODEL, meeting_verdicts.MODEL, as_of=as_of, agreed=agreed)
        write(connection, causes.PERIOD_CHANGES, as_of=as_of, agreed=agreed)
        rows = rows_of(connection, tables.period_changes, evaluated_date=as_of, split="lead_source")
        found = {row["meeting_id"]: row["verdict"] for row in rows_of(connection, tables.meeting_verdicts)}
        minutes = {row["meeting_id"]: row["minutes"] for row in rows_of(connection, tables.meetings)}
    assert sum(row["contribution"] for row in rows) == pytest.approx(rows[0]["gap"], rel=1e-9)
    (part,) = [row for row in rows if row["part"] == DEFINITION]
    named = part["evidence_ids"].split(",")
    return part, {meeting_id: (found[meeting_id], minutes[meeting_id]) for meeting_id in named}


def test_meetings_that_only_a_looser_definition_counts_are_the_definitions_part() -> None:
    part, named = definition_part(agreement_whose_second_version(drops="long_enough"))

    assert part["contribution"] > 0
    assert "count only by the definition since 2026-06-01" in part["evidence"]
    assert {verdict for verdict, _ in named.values()} == {"valid"}
    assert all(minutes < 15 for _, minutes in named.values())


def test_a_rule_about_a_linked_record_is_the_definitions_part_when_it_goes() -> None:
    large = {"column": "employee_count", "min_value": 1_000_000}
    asked = {"id": "large", "expectation": "expect_column_values_to_be_between", "kwargs": large, "missing": "fails"}
    agreed = agreement_whose_second_version(adds=asked)
    first_version, second = agreed.definitions
    swapped = {1: second.rules, 2: first_version.rules}  # large companies were asked for first, and no longer are
    definitions = tuple(
        with_signatures(
            one.model_copy(update={"rules": swapped[one.version], "examples": ()}),
            {signature.department: signature.name for signature in one.signatures},
            date(2026, 5, 1) if one.version == 2 else one.signatures[0].signed_date,
        )
        for one in (first_version, second)
    )

    part, named = definition_part(agreed.model_copy(update={"definitions": definitions}))

    assert part["contribution"] > 0
    assert named
    assert {verdict for verdict, _ in named.values()} == {"valid"}


def test_the_changes_to_the_last_period_add_up_in_every_split() -> None:
    sums: dict[tuple[Any, ...], float] = defaultdict(float)
    gaps: dict[tuple[Any, ...], tuple[float, float]] = {}
    with night() as connection:
        for row in rows_of(connection, tables.period_changes):
            key = (row["kpi_id"], row["period_kind"], row["scope_id"], row["split"])
            sums[key] += row["contribution"]
            gaps[key] = (row["gap"], max(1.0, abs(row["previous"])))

    assert len({key[0] for key in sums}) > 5
    for key, total in sums.items():
        gap, scale = gaps[key]
        assert total == pytest.approx(gap, rel=1e-9, abs=1e-9 * scale), key


def test_no_target_is_part_of_a_change_to_the_last_period() -> None:
    with night() as connection:
        assert rows_of(connection, tables.period_changes, part=TARGET_LEVEL) == []


def test_against_the_past_only_rounding_is_left_out() -> None:
    level = Part("rep", TARGET_LEVEL, "mix", 1e-12, None)

    assert against_past([level], gap=10.0) == []
    assert against_past([Part("rep", TARGET_LEVEL, "mix", 1.0, None)], gap=10.0) != []


def test_a_holiday_is_a_part_of_the_change_and_says_how_many_days_there_were() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.period_changes, kpi_id="calls_made", part=CALENDAR, period_kind="month")

    assert rows
    assert {row["evidence"] for row in rows} == {
        "14 business days so far on 15 weekdays; not a change in the work."  # the third of November
    }
    assert all(row["contribution"] < 0 for row in rows)


def test_the_target_counts_holidays_already_and_the_evidence_says_so() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.causes, kpi_id="valid_meetings", period_kind="month", part=TARGET_LEVEL)

    assert rows
    assert all("what is due leaves out 1 of them" in row["evidence"] for row in rows)


@pytest.mark.parametrize("is_stale", [True, False], ids=["stale", "in time"])
def test_a_stale_sync_is_the_one_cause_of_a_night_without_trust(is_stale: bool) -> None:
    day = 22 if is_stale else 23
    synced = {"hubspot": datetime(2026, 11, day, 3, tzinfo=UTC), "salesforce": datetime(2026, 11, 22, 17, tzinfo=UTC)}
    with night() as connection:
        connection.execute(sa.update(tables.divergence).values(state="untrusted"))
        for name, at in synced.items():
            run = {"sync_id": name, "connection": name, "started_at": at, "extracted_at": at}
            insert(connection, tables.sync_runs, row_of(tables.sync_runs, **run))
        write(connection, causes.MODEL)
        rows = rows_of(connection, tables.causes, evaluated_date=AS_OF)

    assert {(row["split"], row["part"], row["effect"], row["rank"]) for row in rows} == (
        {("data", "hubspot", "stale_sync", 1)} if is_stale else set()
    )
    assert all(row["contribution"] == row["gap"] for row in rows)


def test_deals_lost_stand_behind_a_gap_in_deals_with_their_reasons() -> None:
    with night() as connection:
        (row,) = rows_of(
            connection,
            tables.causes,
            kpi_id="deals_won",
            scope_id="is_east",
            period_kind="month",
            split="funnel",
            part="won_per_valid",
        )
        lost = {deal["deal_id"]: deal for deal in rows_of(connection, tables.deals, status="lost")}

    ids = row["evidence_ids"].split(",")
    assert "lost reasons: " in row["evidence"]
    assert {lost[deal_id]["lost_reason"] for deal_id in ids} - {None}
    assert all(row["period_start"] <= lost[deal_id]["close_date"] <= AS_OF for deal_id in ids)


def test_a_gap_is_split_over_industries() -> None:
    with night() as connection:
        parts = {row["part"] for row in rows_of(connection, tables.causes, kpi_id="valid_meetings", split="industry")}

    assert len(parts) > 4


@pytest.mark.parametrize(
    ("amount", "is_sure"), [(15.0, True), (35.0, False), (40.0, False)], ids=["a third", "a bit less", "the same"]
)
def test_an_amount_per_deal_is_significant_beyond_the_variance_of_amounts(amount: float, is_sure: bool) -> None:
    noise = Noise(1.0, amount_variation=0.5)
    now, past = {"deals_won": 30.0, "won_amount": 30 * amount}, {"deals_won": 30.0, "won_amount": 1200.0}

    funnel = split_funnel(now, past, gap=30 * amount - 1200, noise=noise)
    source = Segment("web", 30 * amount / 40, 30.0, 30.0, 30.0)
    segments = split_count("lead_source", [source], gap=30 * amount / 40 - 30, noise=noise, has_rate=True)

    assert [part.is_significant for part in funnel if part.part == "won_amount"] == [is_sure]
    assert [part.is_significant for part in segments if part.effect == "rate"] == [is_sure]
