"""What an agreement consists of: frozen models of the files that people edit and sign.

The files and their keys are described in docs/architecture.md; loader.py reads them, signing.py signs them, resolve.py
answers what holds on a day. Nothing here reads a file or a clock.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    """Frozen, and strict about unknown keys: a typing error in an agreement must not pass unseen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Model):
    """A name that people see, in both languages."""

    ja: str
    en: str


class Signature(_Model):
    """One department's consent to one exact text."""

    department: str
    name: str
    signed_date: date
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


class RefusedSignature(_Model):
    """A signature that stands in a file and does not count, because its department has keys and none of them sealed it."""

    file: str
    signature: Signature
    why: Label


class SigningState(StrEnum):
    """How a signed text stands on a day; see signing.py."""

    PROPOSED = "proposed"
    SIGNED = "signed"  # all departments signed this digest; in force from effective_from
    BROKEN = "broken"  # somebody signed another digest: the text was edited after signing


# --- team.yaml --------------------------------------------------------------------------------------------------------


class Signatory(_Model):
    """Who may sign for a department, in [since, until); None is open. Keep those who left: their signatures stand."""

    name: str
    since: date | None = None
    until: date | None = None

    def may_sign_on(self, day: date) -> bool:
        """Tell whether a signature of that day is theirs to give."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


class Department(_Model):
    """A party that signs. `function` says what it does in the two-step sale.

    With `signatories` only they sign; without, anybody who is named. With `ssh_keys` (public keys) a signature counts only
    beside a seal that one of them verifies: a typed one does not.
    """

    id: str
    label: Label
    function: Literal["inside_sales", "field_sales", "marketing", "operations"]
    signatories: tuple[Signatory, ...] = ()
    ssh_keys: tuple[str, ...] = ()


class Team(_Model):
    """A group of reps inside a department."""

    id: str
    label: Label
    department: str


class Membership(_Model):
    """Who belongs to a team: CRM users matched by any one of e-mail, CRM team or CRM role; the first match wins.

    An entry by e-mail beats one by CRM team, which beats one by role. `since`/`until` are half-open calendar days; None is open.
    """

    team: str
    email: str | None = None
    crm_team: str | None = None
    crm_role: str | None = None
    since: date | None = None
    until: date | None = None


class ExchangeRate(_Model):
    """Agreed value of one unit of `currency` in the agreed currency, from a day on."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rate: Decimal = Field(gt=0)
    since: date


class RateSource(StrEnum):
    """Whose exchange rates count: those agreed in team.yaml, or those that the CRM keeps by date."""

    AGREEMENT = "agreement"
    CRM = "crm"


class TeamAgreement(_Model):
    """team.yaml: departments, who belongs where, zone, fiscal year, calendar, currency."""

    zone: str  # IANA name; a day is a day there
    country: str = Field(pattern=r"^[A-Z]{2}$")  # whose public holidays count
    company_holidays: tuple[date, ...] = ()
    fiscal_year_start_month: int = Field(ge=1, le=12)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    exchange_rates: tuple[ExchangeRate, ...] = ()
    exchange_rates_from: RateSource = RateSource.AGREEMENT
    departments: tuple[Department, ...]
    teams: tuple[Team, ...]
    members: tuple[Membership, ...]
    publish_personal_columns: tuple[str, ...] = ()  # schema.table.column that may leave the warehouse
    ramp_business_days: int = Field(default=60, ge=0)  # a new rep counts as ramping for so long

    @property
    def tz(self) -> ZoneInfo:
        """The zone as an object."""
        return ZoneInfo(self.zone)


# --- valid_meeting/v1.yaml ... ----------------------------------------------------------------------------------------


class Severity(StrEnum):
    """critical decides the verdict; warning is shown and counted only."""

    CRITICAL = "critical"
    WARNING = "warning"


class Verdict(StrEnum):
    """What a definition says of a record."""

    VALID = "valid"
    INVALID = "invalid"
    PENDING = "pending"


class RuleOutcome(StrEnum):
    """What one rule says of one record."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    WAITING = "waiting"


class Rule(_Model):
    """One condition, in Great Expectations' vocabulary and arguments.

    A missing value fails, or waits until `wait_business_days` business days after the counted day are over; `missing: passes`
    lets it pass. `waiting_values` are values that say "no answer yet" (a meeting still `booked`): they count as missing.
    evaluate.py is the plain reading of all this.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Label
    expectation: str
    kwargs: Mapping[str, Any]
    severity: Severity = Severity.CRITICAL
    wait_business_days: int = Field(default=0, ge=0, le=260)
    missing: Literal["fails", "passes"] = "fails"
    waiting_values: tuple[Any, ...] = ()
    why: str | None = None


class Definition(_Model):
    """One version of one term. `examples` are rows with the verdict that all sides expect; they are signed too.

    `judges` is the kind of record that its rules ask: every version of a name judges the same kind.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    judges: Literal["meetings", "calls", "emails", "deals"] = "meetings"
    effective_from: date
    counted_on: str
    agreed_between: tuple[str, ...]
    why: str
    rules: tuple[Rule, ...]
    examples: tuple[Mapping[str, Any], ...] = ()
    signatures: tuple[Signature, ...] = ()


# --- kpis.yaml --------------------------------------------------------------------------------------------------------


class Measure(_Model):
    """What is counted (or summed) over one event table.

    `event` is calls, emails, meetings or deals: the core table; what the KPI's definition judges also has `verdict` and
    `definition_version`.
    `where` maps a column to what it must be: a scalar (equal), a list (one of), or {not: v}, {at_least: v}, {at_most: v},
    {is_missing: true|false}; all must hold. `sum` names a column; without it rows are counted. `date` is the column of the
    day that it counts on; `credit` the column of the rep who gets it.
    """

    event: Literal["calls", "emails", "meetings", "deals"]
    where: Mapping[str, Any] = Field(default_factory=dict)
    sum: str | None = None
    date: str
    credit: str


class Kpi(_Model):
    """One KPI: a count, a sum, or a rate/mean (numerator over denominator). Ratios are never averaged.

    kind `product` multiplies the values of other KPIs and divides by `divide_by` (pipeline velocity).
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Label
    description: Label
    phase: str
    kind: Literal["count", "sum", "rate", "mean", "product"]
    unit: Literal["calls", "emails", "meetings", "deals", "money", "money_per_day", "days", "fraction"]
    better: Literal["higher", "lower"] = "higher"
    numerator: Measure | None = None
    denominator: Measure | None = None
    multiply: tuple[str, ...] = ()
    divide_by: str | None = None
    definition: str | None = None  # name of the definition behind it
    owner: str  # department
    guard: str | None = None


class KpiAgreement(_Model):
    """kpis.yaml."""

    agreed_between: tuple[str, ...]
    kpis: tuple[Kpi, ...]
    signatures: tuple[Signature, ...] = ()


# --- targets.yaml -----------------------------------------------------------------------------------------------------


class PeriodKind(StrEnum):
    """Kinds of periods; half-open, in the team's zone and fiscal calendar."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    FISCAL_YEAR = "fiscal_year"


class ScopeKind(StrEnum):
    """Whose number it is."""

    DEPARTMENT = "department"
    TEAM = "team"
    REP = "rep"


class Target(_Model):
    """An agreed value for every period of a kind that starts in [since, until).

    `each_rep` gives every rep of the scope's team or department that value, too. `is_goal` marks the KGI.
    """

    kpi: str
    scope_kind: ScopeKind
    scope_id: str
    every: PeriodKind
    since: date
    until: date | None = None
    value: Decimal = Field(ge=0)
    each_rep: Decimal | None = Field(default=None, ge=0)
    is_goal: bool = False


class Benchmark(_Model):
    """A rate to plan with while the own cases are too few: agreed, so that nobody invents one.

    `cases` says how many own cases it is worth, and so how wide its interval is; `median_days` how long half of the conversions
    take; `source` where it comes from.
    """

    rate: Literal["average_deal", "meeting_to_won", "valid_rate", "show_rate", "booked_per_connect", "connect_rate"]
    value: Decimal = Field(gt=0)
    cases: int = Field(ge=1)
    median_days: int | None = Field(default=None, ge=0, le=540)
    source: str


class TargetAgreement(_Model):
    """targets.yaml."""

    agreed_between: tuple[str, ...]
    targets: tuple[Target, ...]
    realism_percentile: Decimal = Field(default=Decimal("0.9"), gt=0, le=1)  # a need above it is called unrealistic
    least_sample: int = Field(default=20, ge=1)  # below it no point figure is given
    benchmarks: tuple[Benchmark, ...] = ()  # used by the plan below the least sample
    signatures: tuple[Signature, ...] = ()


# --- phases.yaml ------------------------------------------------------------------------------------------------------


class Gate(_Model):
    """What must be true before the team may move on: met in `met_periods` of the last `of_periods`, and data in order."""

    every: PeriodKind = PeriodKind.MONTH
    met_periods: int = Field(ge=1)
    of_periods: int = Field(ge=1)
    least_probability: Decimal = Field(default=Decimal("0.8"), gt=0, le=1)
    next_kpi_least_periods: int = Field(default=3, ge=0)


class Phase(_Model):
    """One phase: its KPIs in order, one current at a time, and the gate to the next (None in the last)."""

    id: str
    label: Label
    kpis: tuple[str, ...]
    gate: Gate | None = None


class PhaseAgreement(_Model):
    """phases.yaml: order of phases, and where the team stands since when; people move it, by signing."""

    agreed_between: tuple[str, ...]
    department: str  # whose phases these are
    current_phase: str
    current_kpi: str
    since: date
    phases: tuple[Phase, ...]
    signatures: tuple[Signature, ...] = ()


class Agreement(_Model):
    """All that was agreed. `digests` maps a file's path inside the agreement to the digest of its signed part.

    The texts hold the signatures that count; `refused` those that stand in the files and do not.
    """

    team: TeamAgreement
    kpis: KpiAgreement
    targets: TargetAgreement
    phases: PhaseAgreement
    definitions: tuple[Definition, ...]
    digests: Mapping[str, str] = Field(default_factory=dict)
    refused: tuple[RefusedSignature, ...] = ()
