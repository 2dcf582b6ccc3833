"""The signed rules run by Great Expectations on the warehouse: one check a rule, and one that both evaluations agree."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    multi_asset_check,
)

from definitions_contract.resolve import in_force, meeting_definition, other_definitions
from definitions_contract.schema import Agreement, Definition, Rule, Severity
from definitions_contract.words import describe_rule
from models.kpi.rule_shares import SHARE_DAYS, rule_shares
from models.tables import check_results, meeting_verdicts, verdicts
from pipelines.assets.night import Night, build_context
from pipelines.assets.tables import WRITER_POOL, table_key
from pipelines.data_expectations import differences, run_row_checks
from pipelines.expectations import RuleCount, RuleKey, compare, run_definitions
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

BOTH_AGREE = "both_evaluations_agree"


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """A rule of a version, and the table at which Dagster shows its check."""

    name: str
    definition: Definition
    rule: Rule
    asset: AssetKey

    @property
    def key(self) -> RuleKey:
        """Definition, version and rule."""
        return self.definition.name, self.definition.version, self.rule.id

    @property
    def share_name(self) -> str:
        """Name of the check of the rule's `mostly`."""
        return f"{self.name}_mostly"


def rule_checks(settings: Settings, agreement: Agreement) -> AssetChecksDefinition:
    """Checks on kpi.meeting_verdicts, and on kpi.verdicts for the other definitions.

    A rule's check tells how many records it failed and which; it does not pass when the expectation itself broke. That records fail a
    rule is what the rule is for, so the count alone is no fault of the data. Two evaluations that differ are: that blocks the night.
    A rule's `mostly` is a second check, which warns the team. Each can be run alone; only the comparison needs all rules.
    """
    checks = {check.key: check for check in _checks(agreement)}
    agree = AssetCheckSpec(
        BOTH_AGREE,
        asset=table_key(meeting_verdicts),
        blocking=True,
        additional_deps=[table_key(verdicts)],
        description="The SQL statement and Great Expectations count the same passes and failures, rule by rule",
    )

    @multi_asset_check(name="signed_rules", specs=[*_specs(checks.values()), agree], can_subset=True, pool=WRITER_POOL)
    def signed_rules(context: AssetCheckExecutionContext, night: Night) -> Iterator[AssetCheckResult]:
        asked = {key.name for key in context.selected_asset_check_keys}
        is_compared = BOTH_AGREE in asked
        wanted = {key for key, check in checks.items() if is_compared or check.name in asked}
        built = build_context(settings, night)
        warehouse = Warehouse(settings.warehouse)
        counts = run_definitions(warehouse.engine, built, wanted=wanted) if wanted else ()
        with warehouse.transaction() as connection:
            differing = compare(connection, counts) if is_compared else []
            shares = rule_shares(connection, built)
        for count in counts:
            check = checks[count.definition, count.version, count.rule_id]
            if check.name in asked:
                yield _rule_result(count, check)
        for share in shares:
            check = checks[share["definition"], share["version"], share["rule_id"]]
            if check.share_name in asked:
                yield _share_result(share, check)
        if not is_compared:
            return
        yield AssetCheckResult(
            check_name=BOTH_AGREE,
            asset_key=table_key(meeting_verdicts),
            passed=not differing,
            severity=AssetCheckSeverity.ERROR,
            metadata={"differences": MetadataValue.md("\n".join(f"- {d}" for d in differing) or "none")},
        )

    return signed_rules


def data_rule_check(settings: Settings) -> AssetChecksDefinition:
    """A check on ops.check_results: Great Expectations counts the same rows that fail, check by check, and names them all."""
    agree = AssetCheckSpec(
        BOTH_AGREE,
        asset=table_key(check_results),
        description="The SQL of the data checks and Great Expectations find the same number of rows, check by check",
    )

    @multi_asset_check(name="data_expectations", specs=[agree], can_subset=False, pool=WRITER_POOL)
    def data_expectations(night: Night) -> AssetCheckResult:
        built = build_context(settings, night)
        warehouse = Warehouse(settings.warehouse)
        found = run_row_checks(warehouse.engine, built)
        with warehouse.transaction() as connection:
            differing = list(differences(connection, built, found))
        return AssetCheckResult(
            check_name=BOTH_AGREE,
            asset_key=table_key(check_results),
            passed=not differing,
            severity=AssetCheckSeverity.ERROR,
            metadata={
                "differences": MetadataValue.md("\n".join(f"- {d}" for d in differing) or "none"),
                "failing_ids": MetadataValue.json({name: list(one.failing_ids) for name, one in found.items()}),
            },
        )

    return data_expectations


def _checks(agreement: Agreement) -> Iterator[RuleCheck]:
    of_meetings = meeting_definition(agreement)
    names = ([of_meetings] if of_meetings else []) + list(other_definitions(agreement))
    for name in names:
        is_shown_with_meetings = name == of_meetings
        asset = table_key(meeting_verdicts if is_shown_with_meetings else verdicts)
        prefix = "" if is_shown_with_meetings else f"{name}_"
        for definition, _, _ in in_force(agreement, name):
            for rule in definition.rules:
                yield RuleCheck(f"{prefix}v{definition.version}_{rule.id}", definition, rule, asset)


def _specs(checks: Iterable[RuleCheck]) -> Iterator[AssetCheckSpec]:
    for check in checks:
        rule = check.rule
        words = f"{describe_rule(rule, 'en')} / {describe_rule(rule, 'ja')}"
        yield AssetCheckSpec(
            check.name, asset=check.asset, description=f"{rule.label.en} / {rule.label.ja}: {words} ({rule.severity})"
        )
        if "mostly" in rule.kwargs:
            wanted = f"at least {float(rule.kwargs['mostly']):.0%} of the last {SHARE_DAYS} days"
            yield AssetCheckSpec(check.share_name, asset=check.asset, description=f"{rule.label.en}: {wanted}")


def _rule_result(count: RuleCount, check: RuleCheck) -> AssetCheckResult:
    is_broken = count.error is not None
    decides = is_broken or check.rule.severity is Severity.CRITICAL
    return AssetCheckResult(
        check_name=check.name,
        asset_key=check.asset,
        passed=not is_broken,
        severity=AssetCheckSeverity.ERROR if decides else AssetCheckSeverity.WARN,
        metadata={
            "checked": count.checked,
            "not_passed": count.failed,
            "not_passed_ids": MetadataValue.json(list(count.failing_ids)),
            "rule": count.text,
            "error": count.error or "none",
        },
    )


def _share_result(share: Mapping[str, Any], check: RuleCheck) -> AssetCheckResult:
    """Warn the team below the share; where nothing has been answered there is nothing to warn of."""
    reached = share["share"]
    return AssetCheckResult(
        check_name=check.share_name,
        asset_key=check.asset,
        passed=reached is None or reached >= share["mostly"],
        severity=AssetCheckSeverity.WARN,
        metadata={
            "wanted": share["mostly"],
            "reached": "nothing answered yet" if reached is None else reached,
            "answered": share["answered"],
            "days": SHARE_DAYS,
        },
    )
