"""Which cases does the present definition refuse that the one of the time before would have counted?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from definitions_contract.evaluate import evaluate
from definitions_contract.expectations import used_columns
from definitions_contract.periods import add_weekdays
from definitions_contract.resolve import in_force
from definitions_contract.schema import Agreement, Definition, Kpi, Rule, RuleOutcome, Severity
from models.kpi.cause_facts import Fact
from models.tables import meetings


@dataclass(frozen=True, slots=True)
class Redefinition:
    """What the present definition asks more than a former one: rules that are new, and rules that kept their id but ask something else.

    `former` is the former definition, `changed` its rules by id that became others.
    """

    added: frozenset[str]
    changed: Mapping[str, Rule]
    former: Definition
    as_of: date

    def explains(self, fact: Fact) -> bool:
        """Tell whether a case is refused by nothing but what is new."""
        failed = set(filter(None, (fact.failed_rules or "").split(",")))
        if not failed or fact.awaiting or not failed <= self.added | self.changed.keys():
            return False
        return all(self._passed(self.changed[rule_id], fact) for rule_id in failed - self.added)

    def _passed(self, rule: Rule, fact: Fact) -> bool:
        """Tell whether a case passes a rule as it was."""
        asked = self.former.model_copy(update={"rules": (rule,)})
        row = {**fact.answers, self.former.counted_on: fact.day}
        (result,) = evaluate(asked, row, as_of=self.as_of, add_business_days=add_weekdays).results
        return result.outcome is RuleOutcome.PASS


def redefinition(agreement: Agreement, kpi: Kpi, *, before: date, as_of: date) -> Redefinition | None:
    """Compare the definition behind a KPI on two days; None when it asks nothing new, or is not known on one of them."""
    former, present = (_held_on(agreement, kpi, day) for day in (before, as_of))
    if former is None or present is None or former.version == present.version:
        return None
    decided = {rule.id: rule for rule in former.rules if rule.severity is Severity.CRITICAL}
    wanted = {rule.id: rule for rule in present.rules if rule.severity is Severity.CRITICAL}
    added = frozenset(wanted.keys() - decided.keys())
    changed = {
        rule_id: decided[rule_id]
        for rule_id, rule in wanted.items()
        if rule_id in decided and _asks_other(rule, decided[rule_id]) and _is_of_meetings(decided[rule_id])
    }
    return Redefinition(added, changed, former, as_of) if added or changed else None


def asked_by_changed_rules(agreement: Agreement, kpis: Iterable[Kpi]) -> tuple[str, ...]:
    """Name the columns of core.meetings that rules ask which became others from one version to the next."""
    columns: set[str] = set()
    for name in {kpi.definition for kpi in kpis if kpi.definition is not None}:
        known: dict[str, list[Rule]] = {}
        for row in in_force(agreement, name):
            for rule in row.definition.rules:
                known.setdefault(rule.id, []).append(rule)
        changed = [rule for rules in known.values() for rule in rules if any(_asks_other(rule, one) for one in rules)]
        columns |= {column for rule in changed if _is_of_meetings(rule) for column in used_columns(rule)}
    return tuple(sorted(columns))


def _held_on(agreement: Agreement, kpi: Kpi, day: date) -> Definition | None:
    if kpi.definition is None:
        return None
    rows = in_force(agreement, kpi.definition)
    return next((row.definition for row in rows if row.start <= day < (row.end or date.max)), None)


def _asks_other(rule: Rule, other: Rule) -> bool:
    """Tell whether two rules of one id differ in what decides; how long an answer may take does not."""
    names = ("expectation", "kwargs", "missing", "waiting_values")
    return any(getattr(rule, name) != getattr(other, name) for name in names)


def _is_of_meetings(rule: Rule) -> bool:
    """Tell whether all that a rule asks stands in core.meetings; what it is linked to is not looked up again."""
    return all(column in meetings.c for column in used_columns(rule))
