"""Where do the numbers come from, how fresh and whole are they, and what was agreed that they mean?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from definitions_contract.resolve import differences, first_day, in_force
from definitions_contract.schema import Agreement, Definition, Kpi, Measure
from definitions_contract.words import describe_rule
from pipelines.board import formats
from pipelines.board.labels import CHECKS, PARTS, SUMMARIES
from pipelines.board.names import anchor_of
from pipelines.board.phrases import tell
from pipelines.board.rows import Facts, Rows
from pipelines.board.words import WORDS, Text, look_up
from pipelines.terminal import to_copy

STALE_AFTER = timedelta(hours=36)  # a nightly sync that was missed once


@dataclass(frozen=True, slots=True)
class Source:
    """A connection and its newest sync."""

    name: str
    synced_at: Text
    is_fresh: bool
    landed: Text
    changed: Text
    quarantined: Text


@dataclass(frozen=True, slots=True)
class Count:
    """One object's count here and in the CRM; `is_matched` is None when the CRM cannot say."""

    source: str
    object: str
    in_crm: Text
    here: Text
    quarantined: Text
    is_matched: bool | None


@dataclass(frozen=True, slots=True)
class Bad:
    """Records put aside for one reason."""

    where: str
    field: str
    reason: str
    count: Text
    example: str


@dataclass(frozen=True, slots=True)
class Check:
    """A data check's result."""

    name: Text
    is_passed: bool
    is_warning: bool
    failed: Text
    detail: Text


@dataclass(frozen=True, slots=True)
class AgreedRule:
    """A rule of the definition."""

    label: Text
    requirement: Text
    expectation: str
    is_warning: bool
    wait: Text | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Agreed:
    """The definition in force."""

    name: str
    title: Text
    why: str
    rules: tuple[AgreedRule, ...]
    differences: tuple[Text, ...]
    signatures: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """All about the data and the definition."""

    sources: tuple[Source, ...]
    counts: tuple[Count, ...]
    counts_summary: Text
    are_counts_ok: bool
    bad: tuple[Bad, ...]
    checks: tuple[Check, ...]
    checks_summary: Text
    are_checks_ok: bool
    definitions: tuple[Agreed, ...]
    schema_changes: tuple[tuple[str, str], ...]


def provenance_of(facts: Facts, agreement: Agreement, *, built_at: datetime) -> Provenance:
    """Lay out freshness, counts, checks and the definition in force."""
    checks = tuple(
        Check(
            look_up(CHECKS, row["check_name"]),
            bool(row["is_passed"]),
            row["severity"] == "warning",
            formats.number(row["failed_count"]),
            tell(row["detail"], PARTS),
        )
        for row in facts.checks
    )
    failed = sum(not (check.is_passed or check.is_warning) for check in checks)
    warned = sum(check.is_warning and not check.is_passed for check in checks)
    counts = tuple(_count(row) for row in facts.reconciliation)
    return Provenance(
        sources=tuple(_source(row, agreement, built_at) for row in facts.syncs),
        counts=counts,
        counts_summary=_counts_summary(counts),
        are_counts_ok=not any(one.is_matched is False for one in counts),
        bad=_bad(facts.quarantine),
        checks=checks,
        checks_summary=_checks_summary(len(checks), failed, warned),
        are_checks_ok=bool(checks) and not failed,
        definitions=_definitions(agreement, facts.focus.as_of),
        schema_changes=tuple(
            (f"{row['connection']} · {row['object']}.{row['field']}", f"{row['change']}: {row['detail'] or '–'}")
            for row in facts.schema_changes
        ),
    )


def _source(row: Mapping[str, Any], agreement: Agreement, built_at: datetime) -> Source:
    extracted_at = row["extracted_at"]
    return Source(
        name=row["connection"],
        synced_at=formats.moment(extracted_at, agreement.team.tz),
        is_fresh=extracted_at is not None and built_at - extracted_at <= STALE_AFTER,
        landed=formats.number(row["landed_count"]),
        changed=formats.number(row["changed_count"]),
        quarantined=formats.number(row["quarantined_count"]),
    )


def _count(row: Mapping[str, Any]) -> Count:
    return Count(
        source=row["connection"],
        object=row["object"],
        in_crm=formats.number(row["crm_count"]),
        here=formats.number(row["landed_count"]),
        quarantined=formats.number(row["quarantined_count"]),
        is_matched=None if row["crm_count"] is None else row["is_matched"],
    )


def _bad(rows: Rows) -> tuple[Bad, ...]:
    return tuple(
        Bad(
            f"{row['connection']} · {row['object']}",
            row["field"],
            row["reason"] or "",
            formats.number(row["record_count"]),
            row["example"],
        )
        for row in rows
    )


def _checks_summary(total: int, failed: int, warned: int) -> Text:
    """Warnings leave the numbers trusted; a failed check does not."""
    if not total:
        return SUMMARIES["no_checks"]
    if failed:
        return SUMMARIES["checks_failed"].fill(total=total, count=failed)
    return (
        SUMMARIES["checks_warn"].fill(total=total, count=warned)
        if warned
        else SUMMARIES["all_checks_ok"].fill(count=total)
    )


def _counts_summary(counts: tuple[Count, ...]) -> Text:
    told = [one for one in counts if one.is_matched is not None]
    differing = sum(not one.is_matched for one in told)
    if differing:
        return SUMMARIES["counts_differ"].fill(total=len(told), count=differing)
    return SUMMARIES["counts_matched"].fill(count=len(told))


def _definitions(agreement: Agreement, as_of: date) -> tuple[Agreed, ...]:
    """The version of each term that is in force on as_of, with what it changed."""
    found = []
    for name in sorted({definition.name for definition in agreement.definitions}):
        known = _versions_until(agreement, name, as_of)
        if known:
            found.append(_agreed(known[-1], known[-2] if len(known) > 1 else None, agreement))
    return tuple(found)


def _versions_until(agreement: Agreement, name: str, as_of: date) -> list[Definition]:
    return [version.definition for version in in_force(agreement, name) if version.start <= as_of]


def _since(definition: Definition) -> Text:
    first = first_day(definition) or definition.effective_from
    return WORDS["version_since"].fill(version=definition.version, day=formats.day(first))


def _agreed(definition: Definition, before: Definition | None, agreement: Agreement) -> Agreed:
    departments = {one.id: Text(one.label.ja, one.label.en) for one in agreement.team.departments}
    old = {rule.id for rule in before.rules} if before else {rule.id for rule in definition.rules}
    return Agreed(
        name=definition.name,
        title=_since(definition),
        why=definition.why,
        rules=tuple(
            AgreedRule(
                label=Text(rule.label.ja, rule.label.en),
                requirement=Text(describe_rule(rule, "ja"), describe_rule(rule, "en")),
                expectation=f"{rule.expectation}({', '.join(f'{key}={_plain(value)}' for key, value in rule.kwargs.items())})",
                is_warning=rule.severity == "warning",
                wait=WORDS["waits"].fill(days=rule.wait_business_days) if rule.wait_business_days else None,
                is_new=rule.id not in old,
            )
            for rule in definition.rules
        ),
        differences=tuple(Text(one.ja, one.en) for one in differences(before, definition)) if before else (),
        signatures=tuple(
            WORDS["signed_by"].fill(
                department=look_up(departments, one.department), name=one.name, day=formats.day(one.signed_date)
            )
            for one in definition.signatures
        ),
    )


@dataclass(frozen=True, slots=True)
class Glossary:
    """What one KPI means."""

    kpi: Text
    kpi_id: str
    description: Text
    how: str
    counted: Text | None
    owner: Text
    guard: Text | None
    anchor: str
    definition: Text | None
    explain: str


def glossary_of(agreement: Agreement, as_of: date) -> tuple[Glossary, ...]:
    """Explain every KPI of the agreement, with the definition in force and the command that lists the records behind it."""
    departments = {one.id: Text(one.label.ja, one.label.en) for one in agreement.team.departments}
    labels = {kpi.id: Text(kpi.label.ja, kpi.label.en) for kpi in agreement.kpis.kpis}
    return tuple(
        Glossary(
            kpi=labels[kpi.id],
            kpi_id=kpi.id,
            description=Text(kpi.description.ja, kpi.description.en),
            how=_formula(kpi),
            counted=WORDS["counted_on"].fill(date=kpi.numerator.date) if kpi.numerator else None,
            owner=WORDS["owned_by"].fill(department=look_up(departments, kpi.owner)),
            guard=WORDS["guarded_by"].fill(kpi=look_up(labels, kpi.guard)) if kpi.guard else None,
            anchor=anchor_of(kpi.id),
            definition=_version(agreement, kpi.definition, as_of),
            explain=f"{to_copy()} explain kpi {kpi.id} {as_of:%Y-%m}",
        )
        for kpi in agreement.kpis.kpis
    )


def _version(agreement: Agreement, name: str | None, as_of: date) -> Text | None:
    """Name the version of a KPI's definition that judges on as_of; None where it has none, or none is signed."""
    known = _versions_until(agreement, name, as_of) if name else []
    return WORDS["its_definition"].fill(name=known[-1].name, version=_since(known[-1])) if known else None


def _formula(kpi: Kpi) -> str:
    if kpi.kind == "product":
        return " × ".join(kpi.multiply) + (f" ÷ {kpi.divide_by}" if kpi.divide_by else "")
    parts = [_measure(part) for part in (kpi.numerator, kpi.denominator) if part is not None]
    return " ÷ ".join(parts)


def _measure(measure: Measure) -> str:
    what = f"sum({measure.event}.{measure.sum})" if measure.sum else f"count({measure.event})"
    conditions = ", ".join(f"{column}: {_plain(value)}" for column, value in measure.where.items())
    return f"{what}[{conditions}]" if conditions else what


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "|".join(_plain(one) for one in value)
    return str(value)
