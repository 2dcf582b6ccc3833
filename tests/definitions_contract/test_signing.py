"""A digest follows the meaning and nothing else; a signature is written beside everything else untouched."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions_contract.documents import Document, parse_document
from definitions_contract.errors import SigningError
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement, Definition, SigningState
from definitions_contract.signing import digest, digest_of, sign, signed_date, state, with_signatures
from tests.rewriting import as_yaml, shuffled

Edit = Callable[[str, str, str], None]
V2 = "valid_meeting/v2.yaml"
DEPARTMENTS = ("inside_sales", "field_sales", "marketing")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.decimals(-1000, 1000, places=3)
    | st.text(max_size=8)
    | st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.text(min_size=1, max_size=5), values, min_size=1, max_size=5)


def _normal(value: Any) -> Any:
    """What a value means: the second opinion on the canonical form, built as Python values."""
    match value:
        case bool() | None:
            return ("constant", value)
        case int() | float() | Decimal():
            return ("number", Decimal(str(value)))
        case dict():
            return ("mapping", frozenset((key, _normal(inner)) for key, inner in value.items()))
        case list():
            return ("list", tuple(map(_normal, value)))
    return ("text", str(value))


@given(mapping=mappings)
def test_the_order_of_keys_does_not_matter(mapping: dict[str, Any]) -> None:
    backwards = dict(reversed(mapping.items()))

    assert digest(backwards) == digest(mapping)


@given(one=mappings, other=mappings)
def test_two_meanings_have_two_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (digest(one) == digest(other)) == (_normal(one) == _normal(other))


@given(mapping=mappings, new=scalars, data=st.data())
def test_a_changed_value_changes_the_digest(mapping: dict[str, Any], new: Any, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(mapping)))
    changed = {**mapping, key: new}

    assert (digest(changed) == digest(mapping)) == (_normal(new) == _normal(mapping[key]))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"a": 1}, {"a": 1.0}, True, id="1 and 1.0"),
        pytest.param({"a": Decimal("0.60")}, {"a": 0.6}, True, id="0.60 and 0.6"),
        pytest.param({"a": 350_000_000}, {"a": Decimal("3.5E+8")}, True, id="large numbers"),
        pytest.param({"a": date(2026, 6, 1)}, {"a": "2026-06-01"}, True, id="quoted date"),
        pytest.param({"a": 1}, {"a": "1"}, False, id="number and text"),
        pytest.param({"a": 1}, {"a": True}, False, id="1 and true"),
        pytest.param({"a": None}, {"a": "null"}, False, id="nothing and the word"),
        pytest.param({"a": ["x", "y"]}, {"a": ["y", "x"]}, False, id="order of a list"),
        pytest.param({"a": "x "}, {"a": "x"}, False, id="a blank"),
    ],
)
def test_scalars_are_told_apart_by_meaning(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert (digest(one) == digest(other)) is same


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), {1, 2}, object()])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="has no canonical form"):
        digest({"a": value})


@settings(deadline=None, max_examples=25)  # each example reads YAML
@given(seed=st.randoms(use_true_random=False), width=st.integers(20, 200), flow=st.booleans())
def test_layout_key_order_and_comments_of_a_file_do_not_matter(
    seed: Any, width: int, flow: bool, default_folder: Path
) -> None:
    text = (default_folder / V2).read_text(encoding="utf-8")
    document = parse_document(text, V2)
    assert isinstance(document, Document)
    before = digest_of(Definition.model_validate(document.data))

    again = parse_document(as_yaml(shuffled(document.data, seed), width=width, flow=flow), V2)

    assert isinstance(again, Document)
    assert digest_of(Definition.model_validate(again.data)) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("version: 2", "version:   2 # second", id="comment"),
        pytest.param("version: 2", 'version: "2"', id="quotes"),
        pytest.param("[inside_sales, field_sales, marketing]", "\n  - inside_sales\n  - field_sales\n  - marketing", id="list layout"),
        pytest.param("wait_business_days: 5", "wait_business_days: 0x5", id="number layout"),
        pytest.param("    wait_business_days: 5", "    severity: critical\n    wait_business_days: 5", id="a default said"),
        pytest.param("{column: minutes, min_value: 15}", "{min_value: 15, column: minutes}", id="order of keys"),
    ],
)  # fmt: skip
def test_an_edit_without_meaning_keeps_the_signatures(old: str, new: str, folder: Path, edit: Edit) -> None:
    edit(V2, old, new)

    assert _state(folder, 2) is SigningState.SIGNED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("min_value: 15", "min_value: 16", id="a bound"),
        pytest.param("why: Positive", "why: positive", id="one letter of a reason"),
        pytest.param("en: Held", "en: Helt", id="one letter of a label"),
        pytest.param("wait_business_days: 5", "wait_business_days: 6", id="a wait"),
        pytest.param("effective_from: 2026-06-01", "effective_from: 2026-06-02", id="the first day"),
        pytest.param("severity: warning", "severity: critical", id="a severity"),
        pytest.param("[booked, unknown]", "[unknown, booked]", id="order of a list"),
        pytest.param("note: never recorded", "note: not recorded", id="an example's note"),
        pytest.param(", marketing]", "]", id="one signer less"),
    ],
)
def test_an_edit_of_the_meaning_breaks_every_signature(old: str, new: str, folder: Path, edit: Edit) -> None:
    text = (folder / V2).read_text(encoding="utf-8")
    document = parse_document(text.replace(old, new, 1), V2)
    assert old in text
    assert isinstance(document, Document)

    report = state(Definition.model_validate(document.data))

    assert report.state is SigningState.BROKEN
    assert {signature.department for signature in report.broken} == set(DEPARTMENTS)


def test_a_text_is_signed_only_when_all_departments_signed(agreement: Agreement) -> None:
    definition = agreement.definitions[1]
    names = dict.fromkeys(DEPARTMENTS, "Demo Person")

    one_missing = with_signatures(definition, {"inside_sales": "Demo Person"}, date(2026, 5, 1))
    complete = with_signatures(definition, names, date(2026, 5, 1))

    assert state(one_missing).state is SigningState.PROPOSED
    assert state(one_missing).missing == ("field_sales", "marketing")
    assert signed_date(one_missing) is None
    assert state(complete).state is SigningState.SIGNED
    assert signed_date(complete) == date(2026, 5, 1)


def test_signing_changes_only_its_own_line(folder: Path) -> None:
    path = folder / V2
    text = path.read_text(encoding="utf-8").replace("why: Positive", "why: Clear")
    path.write_text(text, encoding="utf-8")
    before = text.splitlines()

    signature = sign(path, department="field_sales", name="デモ 花子: #1", day=date(2026, 5, 30))

    after = path.read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    assert changed[0][0].startswith("  - {department: field_sales")
    assert signature in load_agreement(folder).definitions[1].signatures


def test_signing_what_one_has_signed_keeps_its_day(folder: Path) -> None:
    before = (folder / V2).read_bytes()

    signature = sign(folder / V2, department="field_sales", name="Somebody else", day=date(2026, 6, 30))

    assert (signature.name, signature.signed_date) == ("Demo Field Sales Manager", date(2026, 5, 26))
    assert (folder / V2).read_bytes() == before


@pytest.mark.parametrize(
    ("day", "is_written"),
    [
        pytest.param(date(2026, 5, 31), True, id="the day before"),
        pytest.param(date(2026, 6, 1), False, id="the first day"),
    ],
)
def test_a_version_that_replaces_another_is_signed_before_its_first_day(
    day: date, is_written: bool, folder: Path, edit: Edit
) -> None:
    edit(V2, "why: Positive", "why: Clear")
    before = (folder / V2).read_bytes()

    if is_written:
        sign(folder / V2, department="field_sales", name="Demo Person", day=day)
    else:
        with pytest.raises(SigningError, match="add a new version"):
            sign(folder / V2, department="field_sales", name="Demo Person", day=day)

    assert ((folder / V2).read_bytes() != before) is is_written


def test_a_file_without_signatures_gets_them_at_its_end(folder: Path) -> None:
    path = folder / V2
    text = path.read_text(encoding="utf-8").split("\nsignatures:")[0].rstrip() + "  # last"
    path.write_text(text, encoding="utf-8")

    for department in DEPARTMENTS:
        sign(path, department=department, name="Demo Person", day=date(2026, 5, 1))

    assert path.read_text(encoding="utf-8").startswith(f"{text}\n\nsignatures:\n  - {{department: inside_sales")
    assert _state(folder, 2) is SigningState.SIGNED


def test_what_stands_after_the_signatures_stays(folder: Path) -> None:
    path = folder / "phases.yaml"
    text = path.read_text(encoding="utf-8")
    head, signatures = text.split("signatures:\n")
    moved = f"signatures:  # by hand\n{signatures}# and below\n\n{head}"
    path.write_text(moved, encoding="utf-8")

    sign(path, department="inside_sales", name="Demo Person", day=date(2026, 5, 1))

    after = path.read_text(encoding="utf-8")
    assert after.endswith(f"# and below\n\n{head}")
    assert "signatures:  # by hand\n" in after


def test_an_edit_after_signing_can_be_signed_again(folder: Path, edit: Edit) -> None:
    edit(V2, "min_value: 15", "min_value: 20")
    edit(V2, "minutes: 15,", "minutes: 20,")
    broken = _state(folder, 2)

    for department in DEPARTMENTS:
        sign(folder / V2, department=department, name="Demo Person", day=date(2026, 5, 30))

    assert broken is SigningState.BROKEN
    assert _state(folder, 2) is SigningState.SIGNED
    assert len(load_agreement(folder).definitions[1].signatures) == 3


@pytest.mark.parametrize("file", ["kpis.yaml", "targets.yaml", "phases.yaml", "valid_meeting/v1.yaml"])
def test_every_agreed_file_can_be_signed(file: str, folder: Path) -> None:
    signature = sign(folder / file, department="inside_sales", name="Demo Person", day=date(2026, 5, 1))

    assert signature.digest == load_agreement(folder).digests[file]


@pytest.mark.parametrize(
    ("file", "department", "reason"),
    [
        pytest.param("targets.yaml", "marketing", "not in agreed_between", id="department that does not sign it"),
        pytest.param("team.yaml", "inside_sales", "nobody signs", id="file that nobody signs"),
    ],
)
def test_a_signature_that_means_nothing_is_refused(file: str, department: str, reason: str, folder: Path) -> None:
    before = (folder / file).read_bytes()

    with pytest.raises(SigningError, match=reason):
        sign(folder / file, department=department, name="Demo Person", day=date(2026, 5, 1))

    assert (folder / file).read_bytes() == before


def test_a_file_with_mistakes_is_not_signed(folder: Path, edit: Edit) -> None:
    edit(V2, "version: 2", "version: two")

    with pytest.raises(SigningError, match="kpi contract check"):
        sign(folder / V2, department="inside_sales", name="Demo Person", day=date(2026, 5, 1))


def test_signing_keeps_the_file_mode_and_leaves_no_other_file(folder: Path) -> None:
    path = folder / V2
    path.chmod(0o640)

    sign(path, department="inside_sales", name="Demo Person", day=date(2026, 5, 1))

    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["v1.yaml", "v2.yaml"]


def _state(folder: Path, version: int) -> SigningState:
    return state(load_agreement(folder).definitions[version - 1]).state
