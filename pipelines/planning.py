"""Plans from the published copy, and proposals in the form of the agreement's files: for people to read, change and sign."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from ruamel.yaml import YAML

from definitions_contract.documents import Document, parse_document
from definitions_contract.loader import load_agreement
from definitions_contract.schema import PeriodKind, ScopeKind, Target, TargetAgreement
from models.context import BuildContext
from models.errors import PlanRequestError
from models.kpi.daily_history import ScopeKey
from models.kpi.phase_status import rounded
from models.kpi.plan_changes import Changes
from models.kpi.plan_goal import asked_goal
from models.kpi.plan_work import Material, Plan, read_material, work_out
from models.statistics.funnel import STEPS
from models.tables import kpi_periods
from pipelines import reading
from pipelines.errors import NothingPublishedError, PipelineError
from pipelines.settings import Settings

ROUNDED_TO: Mapping[str, str] = {"won_amount": "100000"}  # nobody agrees on single yen; counts are whole

HEADER = """A proposal by `kpi plan`, worked out on {today} from the numbers up to {as_of} for {goal}.
Nobody has signed it. Compare it with targets.yaml, take over what you agree on, and have that file signed.
kpi plan による提案です。合意した内容だけを targets.yaml に移し、各部署で署名してください。"""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks the plan; None is what the agreement says."""

    amount: float | None = None
    period: str | None = None
    scope: ScopeKey | None = None


@contextmanager
def published(settings: Settings, now: datetime) -> Iterator[tuple[sa.Connection, BuildContext]]:
    """Open the published copy and say for which day it stands."""
    with reading.published(settings) as connection:
        agreement = load_agreement(settings.agreement_folder)
        as_of = connection.execute(sa.select(sa.func.max(kpi_periods.c.as_of))).scalar_one()
        if as_of is None:
            raise NothingPublishedError(f"{settings.published} holds no numbers yet; run `kpi nightly` first")
        yield connection, BuildContext(agreement=agreement, as_of=as_of, known_at=now, connections=())


def plan_for(settings: Settings, question: Question, changes: Changes, now: datetime) -> tuple[Plan, Plan | None]:
    """Work a plan out, and a second one with the changes on top when there are any."""
    with published(settings, now) as (connection, context):
        material = _material(connection, context, question)
    return work_out(material), (work_out(material, changes) if changes else None)


def read_scope(text: str | None) -> ScopeKey | None:
    """Read `team:is_east`; PlanRequestError says what a scope looks like."""
    if text is None:
        return None
    kind, _, scope_id = text.partition(":")
    if kind not in ("department", "team", "rep") or not scope_id:
        raise PlanRequestError(f"{text!r} is no scope", "write department:inside_sales, team:is_east or rep:ID")
    return kind, scope_id


def write_targets(settings: Settings, plan: Plan, now: datetime) -> Path:
    """Write the plan's needs as a proposal in the form of targets.yaml; give its path."""
    context = plan.material.context
    today = now.astimezone(context.agreement.team.tz).date()
    header = HEADER.format(today=today, as_of=context.as_of, goal=plan.material.goal.goal_id)
    return write_proposal(settings.home / "proposals", "targets", proposed_targets(plan), header, today)


def leads(plan: Plan, step: str) -> bool:
    """Tell whether a step's target leads: in the first phase its activity does, later the outcome does."""
    agreement = plan.material.context.agreement
    phases = agreement.phases
    first = phases.phases[0].id if phases.phases else None
    phase_of = {kpi.id: kpi.phase for kpi in agreement.kpis.kpis} | {"connects": first}
    return phases.current_phase == first and phase_of.get(step) == first


def proposed_targets(plan: Plan) -> TargetAgreement:
    """Give targets.yaml as it would be: each step's monthly need in place of the agreed target, from the next whole month on.

    What leads in the first phase keeps its agreed value. Before the goal's own period no target falls. Nobody has signed it.
    """
    agreed = plan.material.context.agreement.targets
    kept, proposed = list(agreed.targets), list(_proposed(plan))
    replaced = {(row.kpi, row.scope_kind, row.scope_id) for row in proposed}
    first = min((row.since for row in proposed), default=None)
    rows = [
        row if first is None or row.every is not PeriodKind.MONTH or _key(row) not in replaced else _ended(row, first)
        for row in kept
    ]
    last = max((row.until for row in proposed if row.until), default=None)
    after = [
        row.model_copy(update={"since": max(row.since, last)})
        for row in kept
        if last and _key(row) in replaced and row.every is PeriodKind.MONTH and (row.until is None or row.until > last)
    ]
    targets = [row for row in rows if row is not None] + proposed + after
    return agreed.model_copy(update={"targets": tuple(targets), "signatures": ()})


def write_proposal(folder: Path, name: str, proposal: BaseModel, header: str, today: date) -> Path:
    """Write an unsigned proposal beside, never over, the agreement; give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{today.isoformat()}.yaml"
    number = 2
    while path.exists():
        path, number = folder / f"{name}-{today.isoformat()}-{number}.yaml", number + 1
    text = "".join(f"# {line}\n" for line in header.splitlines()) + _yaml(proposal)
    if not isinstance(parse_document(text, path.name), Document):
        raise PipelineError(f"the proposal {path} would not be readable; report this")
    path.write_text(text, encoding="utf-8")
    return path


def _material(connection: sa.Connection, context: BuildContext, question: Question) -> Material:
    goal = asked_goal(
        context.agreement, context.as_of, amount=question.amount, period=question.period, scope=question.scope
    )
    return read_material(connection, context, goal)


def _proposed(plan: Plan) -> Iterator[Target]:
    material = plan.material
    kpis = {kpi.id for kpi in material.context.agreement.kpis.kpis}
    for step in STEPS:
        if step not in kpis or step not in plan.needs or leads(plan, step):
            continue
        for position, month in enumerate(material.months):
            value = _rounded(step, float(plan.needs[step].middle[position]))
            agreed = _agreed_for(plan, step, month.start)
            if agreed is not None and month.start < material.goal.start:
                value = max(value, agreed.value)  # what a later goal needs comes on top of the present one
            if month.days_left < month.business_days or value <= 0:
                continue  # a begun month keeps its target
            yield Target(
                kpi=step,
                scope_kind=ScopeKind(material.goal.scope[0]),
                scope_id=material.goal.scope[1],
                every=PeriodKind.MONTH,
                since=month.start,
                until=month.end,
                value=value,
                each_rep=None if agreed is None else in_proportion(agreed, value),
            )


def in_proportion(agreed: Target, value: Decimal) -> Decimal | None:
    """Give what each rep has when a target becomes another one: whole from ten on, else two figures."""
    if agreed.each_rep is None or not agreed.value:
        return agreed.each_rep
    each = agreed.each_rep * value / agreed.value
    return each.quantize(Decimal(1), ROUND_HALF_UP) if each >= 10 else Decimal(repr(rounded(float(each))))


def _agreed_for(plan: Plan, step: str, start: date) -> Target | None:
    """Give the monthly target that the proposal would replace in the month of `start`."""
    wanted = (step, *plan.material.goal.scope, PeriodKind.MONTH)
    rows = plan.material.context.agreement.targets.targets
    return next(
        (
            row
            for row in rows
            if (*_key(row), row.every) == wanted and row.since <= start and (row.until is None or start < row.until)
        ),
        None,
    )


def _rounded(step: str, value: float) -> Decimal:
    unit = Decimal(ROUNDED_TO.get(step, "1"))
    return (Decimal(value) / unit).to_integral_value(ROUND_HALF_UP) * unit


def _key(row: Target) -> tuple[str, ScopeKind, str]:
    return row.kpi, row.scope_kind, row.scope_id


def _ended(row: Target, day: date) -> Target | None:
    """End a target on a day; None when it would never hold."""
    if row.until is not None and row.until <= day:
        return row
    return row.model_copy(update={"until": day}) if row.since < day else None


def _yaml(proposal: BaseModel) -> str:
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = False, True, 4096
    yaml.sort_base_mapping_type_on_output = False
    yaml.representer.ignore_aliases = lambda _: True  # a day that stands twice is written twice
    stream = StringIO()
    yaml.dump(_plain(proposal.model_dump(mode="python", exclude_defaults=True, exclude={"signatures"})), stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case str():
            return str(value.value) if hasattr(value, "value") else value
    return value
