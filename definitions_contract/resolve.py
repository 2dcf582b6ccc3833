"""Which version of a definition holds on a day, how each version stands, and what differs between two."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from definitions_contract.errors import NoDefinitionError
from definitions_contract.schema import Agreement, Definition, Label, Rule, SigningState
from definitions_contract.signing import signed_date, state
from definitions_contract.words import Lang, describe_rule, in_words, joined

MEETING_DEFINITION = (
    "valid_meeting"  # the one that kpi.meeting_verdicts shows, where an agreement has several for meetings
)


class VersionStatus(StrEnum):
    """How one version stands on a day."""

    PROPOSED = "proposed"  # not all departments have signed it
    UPCOMING = "upcoming"  # signed, its first day is still to come
    ACTIVE = "active"
    SUPERSEDED = "superseded"  # a later signed version holds
    BROKEN = "broken"  # edited after somebody signed: not applied


class InForce(NamedTuple):
    """A signed version and the days on which it holds: [start, end), end None while no later one is signed."""

    definition: Definition
    start: date
    end: date | None


def versions(agreement: Agreement, name: str) -> tuple[Definition, ...]:
    """Give all versions of a definition, signed or not, oldest first."""
    found = (definition for definition in agreement.definitions if definition.name == name)
    return tuple(sorted(found, key=lambda definition: definition.version))


def definition_names(agreement: Agreement) -> tuple[str, ...]:
    """Give the name of every definition, each once."""
    return tuple(dict.fromkeys(definition.name for definition in agreement.definitions))


def judged_event(agreement: Agreement, name: str) -> str:
    """Say what a definition judges: meetings, calls, emails or deals; its versions agree on it."""
    return versions(agreement, name)[0].judges


def meeting_definition(agreement: Agreement) -> str | None:
    """Name the definition behind kpi.meeting_verdicts: valid_meeting, or else the first that judges meetings."""
    names = [name for name in definition_names(agreement) if judged_event(agreement, name) == "meetings"]
    return MEETING_DEFINITION if MEETING_DEFINITION in names else next(iter(names), None)


def other_definitions(agreement: Agreement) -> tuple[str, ...]:
    """Name the definitions behind kpi.verdicts: all but the one of kpi.meeting_verdicts."""
    return tuple(name for name in definition_names(agreement) if name != meeting_definition(agreement))


def in_force(agreement: Agreement, name: str) -> tuple[InForce, ...]:
    """Give the signed versions with their days, oldest first. An unsigned or broken version leaves its days to the one before.

    So does a version signed too late, up to its last signature: see first_day.
    """
    found: list[InForce] = []
    end: date | None = None
    for version in reversed(versions(agreement, name)):
        start = first_day(version)
        if start is not None and (end is None or start < end):
            found.append(InForce(version, start, end))
            end = start
    return tuple(reversed(found))


def first_day(definition: Definition) -> date | None:
    """Give the first day on which a version holds; None unless all signed it.

    A version that replaces another never reaches back: signed on or after its effective_from, it holds from the day after its
    last signature. Version 1 replaces nothing, and so may describe the past.
    """
    signed = signed_date(definition)
    if signed is None or definition.version == 1:
        return definition.effective_from if signed else None
    return max(definition.effective_from, signed + timedelta(days=1))


def version_on(agreement: Agreement, name: str, day: date) -> Definition:
    """Give the signed version that holds on a day; NoDefinitionError when none does."""
    for definition, start, end in in_force(agreement, name):
        if start <= day and (end is None or day < end):
            return definition
    raise NoDefinitionError(name, day)


def status_on(agreement: Agreement, definition: Definition, day: date) -> VersionStatus:
    """Say how a version stands on a day."""
    for version, start, end in in_force(agreement, definition.name):
        if version == definition:
            if day < start:
                return VersionStatus.UPCOMING
            return VersionStatus.ACTIVE if end is None or day < end else VersionStatus.SUPERSEDED
    return VersionStatus.BROKEN if state(definition).state is SigningState.BROKEN else VersionStatus.PROPOSED


def versions_in_words(agreement: Agreement, day: date, lang: Lang = "en") -> tuple[str, ...]:
    """Say of every version of every definition how it stands on a day and who signed it, one line each."""
    return tuple(_version_in_words(agreement, definition, day, lang) for definition in agreement.definitions)


def differences(old: Definition, new: Definition) -> tuple[Label, ...]:
    """Say in words what differs between two versions in what they mean; empty when nothing does."""
    found = (*_header_differences(old, new), *_rule_differences(old, new), *_example_differences(old, new))
    return (*found, _changed("理由", "why", old.why.strip(), new.why.strip())) if old.why != new.why else found


def _version_in_words(agreement: Agreement, definition: Definition, day: date, lang: Lang) -> str:
    status = status_on(agreement, definition, day).value
    fitting = {signature.department for signature in definition.signatures} - set(state(definition).missing)
    signed = joined(department for department in definition.agreed_between if department in fitting) or "-"
    start = first_day(definition) or definition.effective_from
    ja, en = f"{start} から、署名: {signed}", f"from {start}, signed by {signed}"
    return f"{definition.name} v{definition.version}: {status}, " + {"ja": ja, "en": en}[lang]


def _header_differences(old: Definition, new: Definition) -> Iterator[Label]:
    if old.judges != new.judges:
        yield _changed("判定の対象", "judges", old.judges, new.judges)
    if old.effective_from != new.effective_from:
        yield _changed("適用開始日", "effective from", str(old.effective_from), str(new.effective_from))
    if old.counted_on != new.counted_on:
        yield _changed("計上日", "counted on", old.counted_on, new.counted_on)
    if old.agreed_between != new.agreed_between:
        yield _changed("合意する部署", "agreed between", joined(old.agreed_between), joined(new.agreed_between))


def _rule_differences(old: Definition, new: Definition) -> Iterator[Label]:
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for rule in old.rules:
        if rule.id not in after:
            yield Label(
                ja=f"規則の削除: {rule.label.ja}（{describe_rule(rule, 'ja')}）",
                en=f"rule removed: {rule.label.en} ({describe_rule(rule, 'en')})",
            )
    for rule in new.rules:
        if rule.id not in before:
            yield Label(
                ja=f"規則の追加: {rule.label.ja}（{describe_rule(rule, 'ja')}）",
                en=f"rule added: {rule.label.en} ({describe_rule(rule, 'en')})",
            )
        elif before[rule.id] != rule:
            yield from _changes_of_rule(before[rule.id], rule)
    kept_before, kept_after = [id_ for id_ in before if id_ in after], [id_ for id_ in after if id_ in before]
    if kept_before != kept_after:
        yield _changed("規則の順序", "order of rules", joined(kept_before), joined(kept_after))


def _changes_of_rule(old: Rule, new: Rule) -> Iterator[Label]:
    before, after = describe_rule(old, "en"), describe_rule(new, "en")
    if before != after:
        yield Label(
            ja=f"規則の変更 {new.label.ja}: {describe_rule(old, 'ja')} → {describe_rule(new, 'ja')}",
            en=f"rule changed, {new.label.en}: {before} -> {after}",
        )
    else:
        yield from _changes_without_words(old, new)
    for ja, en, old_text, new_text in (
        ("の名前", "label of", f"{old.label.ja} / {old.label.en}", f"{new.label.ja} / {new.label.en}"),
        ("の理由", "why of", old.why, new.why),
    ):
        if old_text != new_text:
            yield _changed(f"{new.id} {ja}", f"{en} {new.id}", in_words(old_text), in_words(new_text))


def _changes_without_words(old: Rule, new: Rule) -> Iterator[Label]:
    """Name what is signed and makes no other sentence, such as a wait beside `missing: passes`."""
    for key in Rule.model_fields.keys() - {"label", "why"}:
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            yield _changed(f"{new.id} の {key}", f"{key} of {new.id}", in_words(before), in_words(after))


def _example_differences(old: Definition, new: Definition) -> Iterator[Label]:
    added = sum(example not in old.examples for example in new.examples)
    removed = sum(example not in new.examples for example in old.examples)
    if added or removed:
        yield Label(ja=f"例: 追加 {added} 件、削除 {removed} 件", en=f"examples: {added} added, {removed} removed")
    elif old.examples != new.examples:
        yield Label(ja="例の順序または重複", en="examples: in another order, or repeated")


def _changed(ja: str, en: str, before: str, after: str) -> Label:
    return Label(ja=f"{ja}: {before} → {after}", en=f"{en}: {before} -> {after}")
