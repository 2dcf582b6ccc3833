"""What must be true between and inside team, targets and phases that no schema of one key can say."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from definitions_contract import advice
from definitions_contract.documents import Document, Location
from definitions_contract.draft import Draft, Loaded, check_known, check_unique
from definitions_contract.errors import Issue
from definitions_contract.periods import is_country_known
from definitions_contract.schema import (
    Gate,
    PeriodKind,
    PhaseAgreement,
    ScopeKind,
    Signature,
    Target,
    TargetAgreement,
    TeamAgreement,
)
from definitions_contract.vocabulary import (
    PERSONAL_COLUMNS,
)

PUBLIC_KEY = re.compile(r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\n]*)?")
MOST_PERIODS: Mapping[PeriodKind, int] = {  # whole ones that are there on any day (models/kpi/periods.py)
    PeriodKind.WEEK: 25,
    PeriodKind.MONTH: 13,
    PeriodKind.QUARTER: 7,
    PeriodKind.FISCAL_YEAR: 2,
}


def check_files(draft: Draft) -> Iterator[Issue]:
    """Check team.yaml, targets.yaml and phases.yaml; kpi_checks.py and definition_checks.py have the others."""
    if draft.team:
        yield from _check_team(draft.team)
    if draft.targets:
        yield from _check_targets(draft, draft.targets)
    if draft.phases:
        yield from _check_phases(draft, draft.phases)


def check_signing(
    draft: Draft, document: Document, agreed_between: tuple[str, ...], signatures: tuple[Signature, ...]
) -> Iterator[Issue]:
    """Check who is to sign and who did."""
    for number, department in enumerate(agreed_between):
        yield from check_known(document, ("agreed_between", number), department, draft.departments())
    yield from _check_signatories(draft, document, signatures)
    places = [(("signatures", number, "department"), s.department) for number, s in enumerate(signatures)]
    for location, department in places:
        yield from check_known(document, location, department, agreed_between)
    yield from check_unique(document, places)


def _check_signatories(draft: Draft, document: Document, signatures: tuple[Signature, ...]) -> Iterator[Issue]:
    """A signature is by a person, and where the department says who signs for it, by one of them."""
    departments = {d.id: d.signatories for d in draft.team.model.departments} if draft.team else {}
    for number, signature in enumerate(signatures):
        place: Location = ("signatures", number, "name")
        signatories = departments.get(signature.department, ())
        allowed = [signatory.name for signatory in signatories if signatory.may_sign_on(signature.signed_date)]
        if not signature.name.strip():
            yield document.issue(place, found=signature.name, allowed="a name", advice=advice.USE_KIND)
        elif signatories and signature.name not in allowed:
            words = ", ".join(allowed) or f"nobody on {signature.signed_date}"
            yield document.issue(place, found=signature.name, allowed=words, advice=advice.MAY_SIGN)


# --- team.yaml --------------------------------------------------------------------------------------------------------


def _check_team(team: Loaded[TeamAgreement]) -> Iterator[Issue]:
    document, model = team.document, team.model
    if not _is_zone(model.zone):
        allowed = "an IANA name such as Asia/Tokyo"
        yield document.issue(("zone",), found=model.zone, allowed=allowed, advice=advice.USE_ALLOWED)
    if not is_country_known(model.country):
        allowed = "an ISO 3166 code such as JP"
        yield document.issue(("country",), found=model.country, allowed=allowed, advice=advice.USE_ALLOWED)
    departments = {department.id for department in model.departments}
    yield from check_unique(document, _ids("departments", model.departments))
    yield from check_unique(document, _ids("teams", model.teams))
    yield from _check_departments(document, model)
    for number, entry in enumerate(model.teams):
        yield from check_known(document, ("teams", number, "department"), entry.department, departments)
    yield from _check_members(document, model)
    yield from _check_rates(document, model)
    for number, column in enumerate(model.publish_personal_columns):
        yield from check_known(document, ("publish_personal_columns", number), column, PERSONAL_COLUMNS)


def _check_departments(document: Document, model: TeamAgreement) -> Iterator[Issue]:
    for number, department in enumerate(model.departments):
        place: Location = ("departments", number)
        for index, signatory in enumerate(department.signatories):
            yield from _check_span(document, (*place, "signatories", index), signatory.since, signatory.until)
        for index, key in enumerate(department.ssh_keys):
            if not PUBLIC_KEY.fullmatch(key.strip()):
                allowed = "a line such as ssh-ed25519 AAAA..."
                location = (*place, "ssh_keys", index)
                # what stands there may be a private key: it is not repeated
                yield document.issue(location, found="no public key", allowed=allowed, advice=advice.PUBLIC_KEY)


def _check_members(document: Document, model: TeamAgreement) -> Iterator[Issue]:
    teams = {team.id for team in model.teams}
    for number, member in enumerate(model.members):
        place = ("members", number)
        yield from check_known(document, (*place, "team"), member.team, teams)
        matchers = [name for name in ("email", "crm_team", "crm_role") if getattr(member, name)]
        if len(matchers) != 1:
            yield document.issue(
                place, found=matchers, allowed="email, crm_team or crm_role", advice=advice.ONE_MATCHER
            )
        yield from _check_span(document, place, member.since, member.until)


def _check_rates(document: Document, model: TeamAgreement) -> Iterator[Issue]:
    rates = model.exchange_rates
    places: list[tuple[Location, str]] = [
        (("exchange_rates", n, "since"), f"{rate.currency} {rate.since}") for n, rate in enumerate(rates)
    ]
    yield from check_unique(document, places)
    for number, rate in enumerate(rates):
        if rate.currency == model.currency:
            allowed = f"a currency other than the agreed {model.currency}"
            place = ("exchange_rates", number, "currency")
            yield document.issue(place, found=rate.currency, allowed=allowed, advice=advice.USE_ALLOWED)


# --- targets.yaml -----------------------------------------------------------------------------------------------------


def _check_targets(draft: Draft, targets: Loaded[TargetAgreement]) -> Iterator[Issue]:
    document, model = targets.document, targets.model
    yield from check_signing(draft, document, model.agreed_between, model.signatures)
    for number, target in enumerate(model.targets):
        place: Location = ("targets", number)
        yield from check_known(document, (*place, "kpi"), target.kpi, draft.kpi_ids())
        yield from _check_scope(draft, document, place, target)
        yield from _check_span(document, place, target.since, target.until)
        yield from _check_target_value(draft, document, place, target)
    yield from _check_overlaps(draft, document, model.targets)


def _check_scope(draft: Draft, document: Document, place: Location, target: Target) -> Iterator[Issue]:
    if draft.team is None:
        return
    team, location = draft.team.model, (*place, "scope_id")
    match target.scope_kind:
        case ScopeKind.DEPARTMENT:
            yield from check_known(document, location, target.scope_id, draft.departments())
        case ScopeKind.TEAM:
            yield from check_known(document, location, target.scope_id, [entry.id for entry in team.teams])
        case ScopeKind.REP:
            if ":" not in target.scope_id:
                allowed = "a rep_id such as hubspot:1234567"
                yield document.issue(location, found=target.scope_id, allowed=allowed, advice=advice.USE_KIND)
            if target.each_rep is not None:
                allowed = "each_rep with a team or department only"
                step = advice.REMOVE_KEY
                yield document.issue((*place, "each_rep"), found=target.each_rep, allowed=allowed, advice=step)


def _check_target_value(draft: Draft, document: Document, place: Location, target: Target) -> Iterator[Issue]:
    kpi = next((kpi for kpi in draft.kpis.model.kpis if kpi.id == target.kpi), None) if draft.kpis else None
    if kpi is None:
        return
    if kpi.unit == "fraction" and target.value > 1:
        allowed = "a fraction from 0 to 1, such as 0.60"
        yield document.issue((*place, "value"), found=target.value, allowed=allowed, advice=advice.USE_KIND)
    if target.is_goal and kpi.kind not in ("count", "sum"):
        allowed = "a goal on a KPI of kind count or sum"
        yield document.issue((*place, "is_goal"), found=kpi.kind, allowed=allowed, advice=advice.REMOVE_KEY)


def _check_overlaps(draft: Draft, document: Document, targets: tuple[Target, ...]) -> Iterator[Issue]:
    for (_, first), (number, second) in combinations(enumerate(targets), 2):
        if (first.kpi, first.every) != (second.kpi, second.every) or not _spans_meet(first, second):
            continue
        scope = f"{second.kpi} of {second.scope_kind.value} {second.scope_id} by {second.every.value}"
        if (first.scope_kind, first.scope_id) == (second.scope_kind, second.scope_id):
            found, allowed = f"a second target of {scope}", "one target on each day"
            yield document.issue(("targets", number), found=found, allowed=allowed, advice=advice.SEPARATE_SPANS)
        elif first.each_rep is not None and second.each_rep is not None and _share_reps(draft, first, second):
            place = ("targets", number, "each_rep")
            found, allowed = f"a second each_rep for reps of {second.scope_id}", "one each_rep for each rep"
            yield document.issue(place, found=found, allowed=allowed, advice=advice.REMOVE_KEY)


def _share_reps(draft: Draft, first: Target, second: Target) -> bool:
    """Tell whether one is a team of the other's department; two teams, or two departments, share nobody."""
    departments = {team.id: team.department for team in draft.team.model.teams} if draft.team else {}
    return departments.get(first.scope_id) == second.scope_id or departments.get(second.scope_id) == first.scope_id


# --- phases.yaml ------------------------------------------------------------------------------------------------------


def _check_phases(draft: Draft, phases: Loaded[PhaseAgreement]) -> Iterator[Issue]:
    document, model = phases.document, phases.model
    yield from check_signing(draft, document, model.agreed_between, model.signatures)
    yield from check_known(document, ("department",), model.department, draft.departments())
    yield from check_unique(document, _ids("phases", model.phases))
    yield from check_known(document, ("current_phase",), model.current_phase, [phase.id for phase in model.phases])
    for phase in model.phases:
        if phase.id == model.current_phase:
            yield from check_known(document, ("current_kpi",), model.current_kpi, phase.kpis)
    yield from _check_phase_kpis(draft, document, model)
    yield from _check_gates(document, model)


def _check_phase_kpis(draft: Draft, document: Document, model: PhaseAgreement) -> Iterator[Issue]:
    phase_of = {kpi.id: kpi.phase for kpi in draft.kpis.model.kpis} if draft.kpis else None
    for number, phase in enumerate(model.phases):
        for position, kpi_id in enumerate(phase.kpis):
            place = ("phases", number, "kpis", position)
            yield from check_known(document, place, kpi_id, phase_of)
            if phase_of is not None and phase_of.get(kpi_id, phase.id) != phase.id:
                allowed = f"KPIs whose phase in kpis.yaml is {phase.id}"
                yield document.issue(place, found=kpi_id, allowed=allowed, advice=advice.DEFINE_OR_CORRECT)


def _check_gates(document: Document, model: PhaseAgreement) -> Iterator[Issue]:
    for number, phase in enumerate(model.phases):
        is_last = number == len(model.phases) - 1
        if is_last != (phase.gate is None):
            found, allowed = ("a gate", "no gate in the last phase") if is_last else (None, "a gate")
            place = ("phases", number, "gate")
            yield document.issue(place, found=found, allowed=allowed, advice=advice.LAST_HAS_NO_GATE)
        if phase.gate and phase.gate.met_periods > phase.gate.of_periods:
            limit = f"at most of_periods ({phase.gate.of_periods})"
            where = ("phases", number, "gate", "met_periods")
            yield document.issue(where, found=phase.gate.met_periods, allowed=limit, advice=advice.USE_ALLOWED)
        yield from _check_reach(document, ("phases", number, "gate"), phase.gate) if phase.gate else ()


def _check_reach(document: Document, place: Location, gate: Gate) -> Iterator[Issue]:
    """A gate that asks for more periods than there ever are would never open."""
    most = MOST_PERIODS[gate.every]
    for key, found in (("of_periods", gate.of_periods), ("next_kpi_least_periods", gate.next_kpi_least_periods)):
        if found > most:
            allowed = f"at most {most} with every {gate.every.value}: the numbers reach no further back"
            yield document.issue((*place, key), found=found, allowed=allowed, advice=advice.USE_ALLOWED)


# --- shared by the files ----------------------------------------------------------------------------------------------


def _check_span(document: Document, place: Location, since: Any, until: Any) -> Iterator[Issue]:
    if since is not None and until is not None and until <= since:
        allowed = f"a day after since ({since}); until is the first day that no longer counts"
        yield document.issue((*place, "until"), found=until, allowed=allowed, advice=advice.SEPARATE_SPANS)


def _spans_meet(first: Target, second: Target) -> bool:
    first_ends_before = first.until is not None and first.until <= second.since
    second_ends_before = second.until is not None and second.until <= first.since
    return not first_ends_before and not second_ends_before


def _ids(key: str, entries: Iterable[Any]) -> list[tuple[Location, str]]:
    return [((key, number, "id"), entry.id) for number, entry in enumerate(entries)]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
