"""The agreement for other programs: how each text stands, what holds, and what differs, as plain values with both languages."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from definitions_contract.errors import AgreementError
from definitions_contract.resolve import VersionStatus, first_day, status_on
from definitions_contract.schema import Agreement, Definition, Kpi, Label, Measure, SigningState
from definitions_contract.signing import Signed, state
from definitions_contract.standing import Finding, file_of, signed_texts
from definitions_contract.words import describe_measure, describe_rule
from pipelines.terminal import OutputFormat, write_json, write_rows

Plain = dict[str, Any]


def status_of(agreement: Agreement, text: Signed, day: date) -> tuple[SigningState | VersionStatus, str]:
    """Say how a text stands on a day, and from when a version holds; other files have no first day."""
    if isinstance(text, Definition):
        return status_on(agreement, text, day), str(first_day(text) or text.effective_from)
    return state(text).state, ""


def write_standing(
    agreement: Agreement, day: date, found: Sequence[Finding], future: Sequence[str], form: OutputFormat
) -> None:
    """Write how every file stands; the faults of all are in JSON only."""
    files = [_file(agreement, file, text, day) for file, text in signed_texts(agreement).items()]
    if form is OutputFormat.CSV:
        write_rows([{**file, "open_signatures": ",".join(file["open_signatures"])} for file in files], form)
        return
    findings = [{"file": one.file, "fault": one.fault.value, "text": one.text.model_dump()} for one in found]
    refused = [
        {"file": one.file, "department": one.signature.department, "why": one.why.model_dump()}
        for one in agreement.refused
    ]
    write_json(
        {
            "day": day,
            "files": files,
            "findings": findings,
            "refused": refused,
            "signed_in_the_future": list(future),
            "mistakes": [],
        }
    )


def write_mistakes(error: AgreementError, form: OutputFormat) -> None:
    """Write every mistake with its place."""
    names = ("file", "line", "key", "found", "allowed")
    mistakes: list[Plain] = [
        {name: getattr(issue, name) for name in names} | {"advice": issue.advice.model_dump()} for issue in error.issues
    ]
    if form is OutputFormat.CSV:
        write_rows(map(_flat, mistakes), form)
    else:
        write_json({"mistakes": mistakes})


def write_kpis(agreement: Agreement, form: OutputFormat) -> None:
    """Write every KPI, and in JSON where the team stands."""
    kpis = [_kpi(kpi) for kpi in agreement.kpis.kpis]
    if form is OutputFormat.CSV:
        write_rows([_flat(kpi) for kpi in kpis], form)
        return
    phases = agreement.phases
    stands = {"phase": phases.current_phase, "kpi": phases.current_kpi, "since": phases.since}
    definitions = [{"name": one.name, "version": one.version, "file": file_of(one)} for one in agreement.definitions]
    write_json({"current": stands, "kpis": kpis, "definitions": definitions})


def write_kpi(kpi: Kpi, form: OutputFormat) -> None:
    """Write one KPI."""
    if form is OutputFormat.CSV:
        write_rows([_flat(_kpi(kpi))], form)
    else:
        write_json(_kpi(kpi))


def write_definition(agreement: Agreement, definition: Definition, day: date, form: OutputFormat) -> None:
    """Write a version with its rules; who signed it is in JSON only."""
    rules = [_rule(definition, number) for number in range(len(definition.rules))]
    if form is OutputFormat.CSV:
        write_rows([_flat(rule) for rule in rules], form)
        return
    names = ("name", "version", "judges", "effective_from", "counted_on", "agreed_between", "why")
    status, since = status_of(agreement, definition, day)
    write_json(
        {name: getattr(definition, name) for name in names}
        | {"day": day, "status": status.value, "holds_from": since, "digest": state(definition).digest, "rules": rules}
        | {"signatures": [signature.model_dump() for signature in definition.signatures]}
    )


def write_differences(changes: Sequence[Label], form: OutputFormat) -> None:
    """Write what differs, a row each."""
    write_rows([change.model_dump() for change in changes], form)


def _file(agreement: Agreement, file: str, text: Signed, day: date) -> Plain:
    report = state(text)
    status, since = status_of(agreement, text, day)
    open_signatures = [signature.department for signature in report.broken] or list(report.missing)
    return {
        "file": file,
        "state": status.value,
        "effective_from": since or None,
        "open_signatures": open_signatures,
        "digest": report.digest,
    }


def _kpi(kpi: Kpi) -> Plain:
    return {
        "kpi_id": kpi.id,
        "label": kpi.label.model_dump(),
        "description": kpi.description.model_dump(),
        **{name: getattr(kpi, name) for name in ("phase", "kind", "unit", "better", "owner", "guard", "definition")},
        "numerator": _measure(kpi.numerator),
        "denominator": _measure(kpi.denominator),
        "formula": f"{' × '.join(kpi.multiply)} ÷ {kpi.divide_by}" if kpi.multiply else None,
    }


def _measure(measure: Measure | None) -> Plain:
    return {
        "ja": describe_measure(measure, "ja") if measure else None,
        "en": describe_measure(measure, "en") if measure else None,
    }


def _rule(definition: Definition, number: int) -> Plain:
    rule = definition.rules[number]
    return {
        "rule_id": rule.id,
        "label": rule.label.model_dump(),
        "condition": {"ja": describe_rule(rule, "ja"), "en": describe_rule(rule, "en")},
        "severity": rule.severity.value,
        "wait_business_days": rule.wait_business_days,
        "why": rule.why,
    }


def _flat(row: Mapping[str, Any]) -> Plain:
    """Give what has two languages two columns."""
    flat: Plain = {}
    for name, value in row.items():
        flat |= (
            {f"{name}_{lang}": text for lang, text in value.items()} if isinstance(value, Mapping) else {name: value}
        )
    return flat
