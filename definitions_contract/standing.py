"""Which texts of an agreement do not stand as agreed: not signed, changed after they were signed, or signed too late."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from definitions_contract.documents import KPIS, PHASES, TARGETS
from definitions_contract.resolve import first_day, in_force, versions
from definitions_contract.schema import (
    Agreement,
    Definition,
    KpiAgreement,
    Label,
    PhaseAgreement,
    SigningState,
    TargetAgreement,
)
from definitions_contract.signing import Signed, signed_date, state
from definitions_contract.words import joined

BROKEN_MEANS = {  # what follows from a text that was changed after somebody signed it
    KPIS: Label(ja="署名のない計算式で集計されます", en="its KPIs are counted by a text that nobody agreed to"),
    TARGETS: Label(ja="目標は数えられません", en="no target counts"),
    PHASES: Label(ja="フェーズの判定は合意に基づきません", en="the phases are not the agreed ones"),
}
LATE_IS_TOLD = timedelta(days=31)  # after the last signature: until the month that it reached into has been reviewed
NOT_APPLIED = Label(ja="この版は適用されません", en="this version is not applied")


class Fault(StrEnum):
    """What keeps a text from standing as agreed."""

    UNSIGNED = "unsigned"
    BROKEN = "broken"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Finding:
    """One text and what is wrong with how it stands."""

    file: str
    fault: Fault
    text: Label


def findings(agreement: Agreement, day: date) -> tuple[Finding, ...]:
    """Say of every text that departments sign what is wrong on a day; empty when all stand as agreed.

    A proposed version beside one in force is how definitions change, and no fault. A late signature is told for a month.
    """
    return tuple(found for file, text in signed_texts(agreement).items() for found in _of(agreement, file, text, day))


def late_since(text: Signed, signed: date) -> date | None:
    """Give the day from which a text was to hold, when a signature of `signed` comes too late for it; else None.

    Targets are measured by the newest `since` in them: it tells what was agreed last. KPIs have no first day: they hold for all
    days that there are, so every signature of theirs reaches back.
    """
    match text:
        case TargetAgreement():
            due = max((target.since for target in text.targets), default=None)
        case PhaseAgreement():
            due = text.since
        case Definition():
            due = text.effective_from if text.version > 1 else None
        case KpiAgreement():
            due = date.min
    return due if due is not None and signed >= due else None


def late_in_words(file: str, text: Signed, signed: date) -> Label | None:
    """Say what a late signature does to days that are over; None when it is in time."""
    due = late_since(text, signed)
    match text:
        case _ if due is None:
            return None
        case Definition():
            # judged by the version before until then: docs/decisions/014
            holds = first_day(text) or signed + timedelta(days=1)
            ja, en = f"{due} ではなく {holds} から適用されます", f"it holds from {holds}, not from {due}"
        case KpiAgreement():
            ja = "過去の期間もこの計算式で数え直されます（当時の値は kpi.snapshots に残ります）"
            en = "past periods are counted by it, too (kpi.snapshots keeps what was known before)"
        case _:
            ja, en = f"{due} からの分は後から合意されました", f"what begins on {due} was agreed on after its first day"
    return Label(ja=f"{file}: 最後の署名は {signed}。{ja}", en=f"{file}, signed on {signed}: {en}")


def signed_texts(agreement: Agreement) -> dict[str, Signed]:
    """Give every text that departments sign, by its file."""
    definitions: dict[str, Signed] = {file_of(definition): definition for definition in agreement.definitions}
    return {KPIS: agreement.kpis, TARGETS: agreement.targets, PHASES: agreement.phases, **definitions}


def file_of(definition: Definition) -> str:
    """Name the file of a version."""
    return f"{definition.name}/v{definition.version}.yaml"


def _of(agreement: Agreement, file: str, text: Signed, day: date) -> Iterator[Finding]:
    report = state(text)
    match report.state:
        case SigningState.BROKEN:
            names = joined(dict.fromkeys(signature.department for signature in report.broken))
            means = BROKEN_MEANS.get(file, NOT_APPLIED)
            ja = f"{file}: {names} の署名後に変更されました。署名し直すまで、{means.ja}"
            yield Finding(file, Fault.BROKEN, Label(ja=ja, en=f"{file} was changed after {names} signed: {means.en}"))
        case SigningState.PROPOSED:
            if not isinstance(text, Definition) or _is_missed(agreement, text):
                names = joined(report.missing)
                label = Label(ja=f"{file}: 署名待ち: {names}", en=f"{file} is not signed by {names}")
                yield Finding(file, Fault.UNSIGNED, label)
        case SigningState.SIGNED:
            signed = signed_date(text)
            label_or_none = late_in_words(file, text, signed) if signed else None
            if label_or_none and signed and signed <= day < signed + LATE_IS_TOLD:
                yield Finding(file, Fault.LATE, label_or_none)


def _is_missed(agreement: Agreement, text: Definition) -> bool:
    """Only the newest proposed version is told of, and only where no version of the name holds."""
    return not in_force(agreement, text.name) and text == versions(agreement, text.name)[-1]
