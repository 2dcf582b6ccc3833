"""Which cases does the present definition refuse that the one of the time before would have counted, and the other way round?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from definitions_contract.evaluate import evaluate
from definitions_contract.expectations import used_columns
from definitions_contract.periods import add_weekdays
from definitions_contract.resolve import in_force
from definitions_contract.schema import Agreement, Definition, Kpi, Rule, RuleOutcome, Severity
from models.kpi.cause_facts import Fact


@dataclass(frozen=True, slots=True)
class Redefinition:
    """How the present definition differs from a former one, in what decides.

    `added` are the ids of rules that are new, `changed` the former rules by id that ask something else now, `dropped` those that
    nobody asks any more.
    """

    added: frozenset[str]
    changed: Mapping[str, Rule]
    dropped: Mapping[str, Rule]
    former: Definition
    as_of: date

    def effect_on(self, fact: Fact) -> int:
        """Give 1 for a case that only the former definition would have counted, -1 for one that only the present one does, else 0."""
        if fact.awaiting:
            return 0
        if fact.hits:
            asked = (*self.changed.values(), *self.dropped.values())
            return -any(self._outcome(rule, fact) is RuleOutcome.FAIL for rule in asked)
        failed = set(filter(None, (fact.failed_rules or "").split(",")))
        if not failed or not failed <= self.added | self.changed.keys():
            return 0
        stricter = [self.changed[rule_id] for rule_id in failed - self.added]
        passed = (self._outcome(rule, fact) is RuleOutcome.PASS for rule in (*stricter, *self.dropped.values()))
        return int(all(passed))

    def _outcome(self, rule: Rule, fact: Fact) -> RuleOutcome:
        """Ask a case what the former definition asked."""
        asked = self.former.model_copy(update={"rules": (rule,)})
        row = {**fact.answers, self.former.counted_on: fact.day}
        (result,) = evaluate(asked, row, as_of=self.as_of, add_business_days=add_weekdays).results
        return result.outcome


def redefinition(agreement: Agreement, kpi: Kpi, *, before: date, as_of: date) -> Redefinition | None:
    """Compare the definition behind a KPI on two days; None when it asks the same, or is not known on one of them."""
    former, present = (_held_on(agreement, kpi, day) for day in (before, as_of))
    if former is None or present is None or former.version == present.version:
        return None
    decided, wanted = (_critical(definition) for definition in (former, present))
    added = frozenset(wanted.keys() - decided.keys())
    changed = {
        rule_id: rule for rule_id, rule in decided.items() if rule_id in wanted and _asks_other(rule, wanted[rule_id])
    }
    dropped = {rule_id: rule for rule_id, rule in decided.items() if rule_id not in wanted}
    return Redefinition(added, changed, dropped, former, as_of) if added or changed or dropped else None


def asked_by_changed_rules(agreement: Agreement, kpis: Iterable[Kpi]) -> tuple[str, ...]:
    """Name the columns, of meetings and what they are linked to, that rules ask which are not the same in every version."""
    columns: set[str] = set()
    for name in {kpi.definition for kpi in kpis if kpi.definition is not None}:
        versions = [_critical(row.definition) for row in in_force(agreement, name)]
        rules = [(version, rule_id) for version in versions for rule_id in version]
        for version, rule_id in rules:
            rule = version[rule_id]
            if any(rule_id not in other or _asks_other(rule, other[rule_id]) for other in versions):
                columns |= {*used_columns(rule)}
    return tuple(sorted(columns))


def _critical(definition: Definition) -> dict[str, Rule]:
    return {rule.id: rule for rule in definition.rules if rule.severity is Severity.CRITICAL}


def _held_on(agreement: Agreement, kpi: Kpi, day: date) -> Definition | None:
    if kpi.definition is None:
        return None
    rows = in_force(agreement, kpi.definition)
    return next((row.definition for row in rows if row.start <= day < (row.end or date.max)), None)


def _asks_other(rule: Rule, other: Rule) -> bool:
    """Tell whether two rules of one id differ in what decides; how long an answer may take does not."""
    names = ("expectation", "kwargs", "missing", "waiting_values")
    return any(getattr(rule, name) != getattr(other, name) for name in names)
