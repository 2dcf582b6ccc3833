"""Which version holds on a day, how each stands, and what differs in words."""

from datetime import date
from typing import Any

import pytest

from definitions_contract.errors import NoDefinitionError
from definitions_contract.resolve import (
    VersionStatus,
    differences,
    in_force,
    status_on,
    version_on,
    versions_in_words,
)
from definitions_contract.schema import Agreement, Definition, Label, Rule, Severity
from definitions_contract.signing import with_signatures

NAMES = {"inside_sales": "Demo A", "field_sales": "Demo B", "marketing": "Demo C"}


def with_definitions(agreement: Agreement, *definitions: Definition) -> Agreement:
    return agreement.model_copy(update={"definitions": definitions})


def unsigned(definition: Definition) -> Definition:
    return definition.model_copy(update={"signatures": ()})


def edited(definition: Definition) -> Definition:
    return definition.model_copy(update={"why": "edited after signing"})


@pytest.mark.parametrize(
    ("day", "version"),
    [
        pytest.param(date(2024, 4, 1), 1, id="first day of the first"),
        pytest.param(date(2026, 5, 31), 1, id="last day of the first"),
        pytest.param(date(2026, 6, 1), 2, id="first day of the second"),
        pytest.param(date(2099, 1, 1), 2, id="the last goes on"),
    ],
)
def test_a_version_holds_from_its_first_day_until_the_next(day: date, version: int, agreement: Agreement) -> None:
    assert version_on(agreement, "valid_meeting", day).version == version


def test_no_version_holds_before_the_first(agreement: Agreement) -> None:
    with pytest.raises(NoDefinitionError, match="effective_from <= 2024-03-31") as caught:
        version_on(agreement, "valid_meeting", date(2024, 3, 31))

    assert (caught.value.name, caught.value.day) == ("valid_meeting", date(2024, 3, 31))


def test_an_unknown_name_has_no_version(agreement: Agreement) -> None:
    assert in_force(agreement, "good_meeting") == ()


@pytest.mark.parametrize("spoil", [unsigned, edited])
def test_a_version_that_is_not_signed_leaves_its_days_to_the_one_before(spoil: object, agreement: Agreement) -> None:
    first, second = agreement.definitions
    assert callable(spoil)
    changed = with_definitions(agreement, first, spoil(second))

    assert [(entry.definition.version, entry.end) for entry in in_force(changed, "valid_meeting")] == [(1, None)]
    assert version_on(changed, "valid_meeting", date(2026, 7, 1)).version == 1


def test_adding_a_version_changes_no_day_before_it(agreement: Agreement) -> None:
    first, second = agreement.definitions
    update = {"version": 3, "effective_from": date(2026, 9, 1), "signatures": ()}
    third = with_signatures(second.model_copy(update=update), NAMES, date(2026, 8, 1))
    assert isinstance(third, Definition)
    longer = with_definitions(agreement, first, second, third)

    before, after = in_force(agreement, "valid_meeting"), in_force(longer, "valid_meeting")

    assert after[0] == before[0]
    assert (after[1].start, after[1].end) == (before[1].start, date(2026, 9, 1))
    assert after[2].definition.version == 3


def test_every_standing_of_a_version_is_told(agreement: Agreement) -> None:
    first, second = agreement.definitions
    day, early = date(2026, 7, 1), date(2026, 5, 1)
    proposed = with_definitions(agreement, first, unsigned(second))
    broken = with_definitions(agreement, first, edited(second))

    assert status_on(agreement, first, day) is VersionStatus.SUPERSEDED
    assert status_on(agreement, first, early) is VersionStatus.ACTIVE
    assert status_on(agreement, second, day) is VersionStatus.ACTIVE
    assert status_on(agreement, second, early) is VersionStatus.UPCOMING
    assert status_on(proposed, unsigned(second), day) is VersionStatus.PROPOSED
    assert status_on(broken, edited(second), day) is VersionStatus.BROKEN


def test_versions_are_told_in_a_line_each(agreement: Agreement) -> None:
    lines = versions_in_words(agreement, date(2026, 7, 1))

    assert lines == (
        "valid_meeting v1: superseded, from 2024-04-01, signed by inside_sales, field_sales, marketing",
        "valid_meeting v2: active, from 2026-06-01, signed by inside_sales, field_sales, marketing",
    )


def test_the_difference_of_two_versions_is_told_in_both_languages(agreement: Agreement) -> None:
    changes = differences(*agreement.definitions)

    english = [change.en for change in changes]
    assert english[0] == "effective from: 2024-04-01 -> 2026-06-01"
    assert english[1].startswith("rule added: Decision maker present (decision_maker_present is true;")
    assert "a warning only" in english[2]
    assert changes[1].ja.startswith("規則の追加: 決裁者が同席")


def test_a_changed_and_a_removed_rule_are_told(agreement: Agreement) -> None:
    second = agreement.definitions[1]
    held, long_enough, *rest = second.rules
    stricter = Rule(**{**long_enough.model_dump(), "kwargs": {"column": "minutes", "min_value": 30}})
    changed = second.model_copy(update={"rules": (stricter, held, *rest[:-1])})

    told = [change.en for change in differences(second, changed)]

    assert "rule removed: Lead source recorded (lead_source is not unknown; a warning only)" in told
    assert "rule changed, At least 15 minutes: minutes is at least 15 -> minutes is at least 30" in told
    assert any(line.startswith("order of rules: held, long_enough") for line in told)


RULE_CHANGES: dict[str, Any] = {
    "id": "another",
    "label": Label(ja="別", en="Other"),
    "expectation": "expect_column_values_to_not_be_null",
    "kwargs": {"column": "minutes"},
    "severity": Severity.WARNING,
    "wait_business_days": 7,
    "missing": "passes",
    "waiting_values": ("booked",),
    "why": "Another reason.",
}
DEFINITION_CHANGES: dict[str, Any] = {
    "judges": "calls",
    "effective_from": date(2026, 6, 2),
    "counted_on": "booked_date",
    "agreed_between": ("inside_sales",),
    "why": "Another.",
    "rules": (),
    "examples": (),
}
WHICH_ONES = {"name", "version", "signatures"}  # say which texts are compared, and who agreed to them


@pytest.mark.parametrize("key", sorted(Definition.model_fields.keys() - WHICH_ONES))
def test_a_difference_in_any_key_of_a_definition_is_told(key: str, agreement: Agreement) -> None:
    definition = agreement.definitions[1]

    assert differences(definition, definition.model_copy(update={key: DEFINITION_CHANGES[key]})) != ()


@pytest.mark.parametrize("key", sorted(Rule.model_fields))
@pytest.mark.parametrize("missing", ["fails", "passes"])
def test_a_difference_in_any_key_of_a_rule_is_told(key: str, missing: str, agreement: Agreement) -> None:
    definition = agreement.definitions[1]
    first = definition.rules[0].model_copy(update={"missing": missing})
    change = "fails" if (key, missing) == ("missing", "passes") else RULE_CHANGES[key]
    before, after = (
        definition.model_copy(update={"rules": (rule, *definition.rules[1:])})
        for rule in (first, first.model_copy(update={key: change}))
    )

    told = differences(before, after)

    assert told != ()
    assert all(label.ja and label.en for label in told)


def test_examples_in_another_order_are_told(agreement: Agreement) -> None:
    definition = agreement.definitions[1]
    turned = definition.model_copy(update={"examples": definition.examples[::-1]})

    assert [label.en for label in differences(definition, turned)] == ["examples: in another order, or repeated"]


def test_a_version_does_not_differ_from_itself(agreement: Agreement) -> None:
    assert differences(agreement.definitions[0], agreement.definitions[0]) == ()
