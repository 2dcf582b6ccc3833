"""A signature holds for one meaning: over the whole language, any change of it breaks all signatures, and none of the layout does."""

import copy
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from definitions_contract.documents import Document, parse_document
from definitions_contract.schema import Definition, SigningState
from definitions_contract.signing import canonical, state, with_signatures
from tests.models.kpi.languages import rules
from tests.rewriting import as_yaml, shuffled

FILE = "valid_meeting/v1.yaml"
PARTIES = ("inside_sales", "field_sales")
LETTERS = "aZ09_ 予."
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
SUBJECTS = st.sampled_from(
    [("meetings", "held_date"), ("calls", "called_date"), ("emails", "sent_date"), ("deals", "close_date")]
)
Path = tuple[str | int, ...]


@st.composite
def texts(draw: st.DrawFn) -> dict[str, Any]:
    """A definition as its file has it: every form of rule, with row conditions, shares, waits, and any subject."""
    judges, counted_on = draw(SUBJECTS)
    judging = [rule.model_dump(mode="python") for rule in draw(rules())]
    for rule in judging:
        rule["kwargs"] = dict(rule["kwargs"]) | draw(st.sampled_from([{}, {"mostly": 0.7}, {"mostly": 1}]))
        rule["severity"] = str(rule["severity"].value)
        rule["waiting_values"] = list(rule["waiting_values"])
        rule["why"] = draw(st.sampled_from(["A reason.", None]))
    example = {"outcome": "held", "minutes": draw(st.integers(0, 99)), "verdict": "valid", "note": "計算例"}
    text = {"name": "valid_meeting", "version": 1, "judges": judges, "effective_from": date(2026, 4, 1)}
    text |= {"counted_on": counted_on, "agreed_between": list(PARTIES), "why": "One reason.", "rules": judging}
    plain: dict[str, Any] = _plain(text | {"examples": [example]})
    return plain


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(text=texts(), data=st.data())
def test_one_character_of_meaning_breaks_every_signature(text: dict[str, Any], data: st.DataObject) -> None:
    signed = _signed(text)
    place = data.draw(st.sampled_from(sorted(_leaves(text), key=repr)))
    value = _at(text, place)
    other = data.draw(_another(value))
    assume(canonical(other) != canonical(value))
    changed = copy.deepcopy(text)
    _at(changed, place[:-1])[place[-1]] = other
    try:
        edited = Definition.model_validate(changed)
    except ValidationError:
        return  # refused before anybody asks who signed it

    report = state(edited.model_copy(update={"signatures": signed.signatures}))

    assert report.state is SigningState.BROKEN
    assert [signature.department for signature in report.broken] == list(PARTIES)


# not shrunk: reading YAML takes long, and what failed is short enough to read
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW, phases=[Phase.generate])
@given(text=texts(), seed=st.randoms(use_true_random=False), width=st.integers(30, 200), flow=st.booleans())
def test_comments_layout_and_the_order_of_keys_break_none(
    text: dict[str, Any], seed: Any, width: int, flow: bool
) -> None:
    signed = _signed(text)

    document = parse_document(as_yaml(shuffled(text, seed), width=width, flow=flow), FILE)

    assert isinstance(document, Document)
    again = Definition.model_validate(document.data).model_copy(update={"signatures": signed.signatures})
    assert state(again).state is SigningState.SIGNED


@given(number=st.integers(10**27, 10**40), step=st.integers(1, 9))
def test_numbers_of_any_length_have_forms_of_their_own(number: int, step: int) -> None:
    assert canonical(number) != canonical(number + step)
    assert canonical(number) == str(number)


def _signed(text: dict[str, Any]) -> Definition:
    signed = with_signatures(Definition.model_validate(text), dict.fromkeys(PARTIES, "Somebody"), date(2026, 3, 1))
    assert isinstance(signed, Definition)
    return signed


def _plain(value: Any) -> Any:
    """Give what YAML reads: fractions are floats there, and a list is a list."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


def _leaves(value: Any, place: Path = ()) -> Iterator[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield place
        return
    for key, one in inner:
        yield from _leaves(one, (*place, key))


def _at(text: Any, place: Path) -> Any:
    for key in place:
        text = text[key]
    return text


def _another(value: Any) -> st.SearchStrategy[Any]:
    """Give the value with one character changed, added or left out; a number or a day by the least step."""
    match value:
        case bool():
            return st.just(not value)
        case int():
            return st.sampled_from([value + 1, value - 1, value * 10])
        case float():
            return st.sampled_from([value + 0.1, value / 10])
        case date():
            return st.sampled_from([value + timedelta(days=1), value - timedelta(days=1)])
        case str():
            return st.builds(
                lambda at, letter, kept: value[:at] + letter + value[at + kept :],
                st.integers(0, len(value)),
                st.sampled_from(["", *LETTERS]),
                st.integers(0, 1),
            )
    return st.just("a")
