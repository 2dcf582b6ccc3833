"""The signed rules run by Great Expectations on the warehouse: one check a rule, and one that both evaluations agree."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    MetadataValue,
    multi_asset_check,
)

from definitions_contract.resolve import in_force
from definitions_contract.schema import Agreement, Severity
from models.tables import meeting_verdicts
from pipelines.assets.night import Night, build_context
from pipelines.assets.tables import WRITER_POOL, table_key
from pipelines.expectations import RuleCount, compare, run_definitions
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

BOTH_AGREE = "both_evaluations_agree"
DEFINITION = "valid_meeting"


def rule_checks(settings: Settings, agreement: Agreement) -> AssetChecksDefinition:
    """Checks on kpi.meeting_verdicts.

    A rule's check tells how many meetings it failed and which; it does not pass when the expectation itself broke. That meetings fail a
    rule is what the rule is for, so the count alone is no fault of the data. Two evaluations that differ are: that blocks the night.
    """
    key = table_key(meeting_verdicts)
    rules = {
        _check_name(d.version, rule.id): (d, rule) for d, _, _ in in_force(agreement, DEFINITION) for rule in d.rules
    }
    specs = [
        AssetCheckSpec(
            name,
            asset=key,
            description=f"{rule.label.en} / {rule.label.ja}: {rule.expectation} {dict(rule.kwargs)} ({rule.severity})",
        )
        for name, (definition, rule) in rules.items()
    ]
    agree = AssetCheckSpec(
        BOTH_AGREE,
        asset=key,
        blocking=True,
        description="The SQL statement and Great Expectations count the same passes and failures, rule by rule",
    )

    @multi_asset_check(name="signed_rules", specs=[*specs, agree], can_subset=False, pool=WRITER_POOL)
    def signed_rules(night: Night) -> Iterator[AssetCheckResult]:
        built = build_context(settings, night)
        warehouse = Warehouse(settings.warehouse)
        counts = run_definitions(warehouse.engine, built)
        with warehouse.transaction() as connection:
            differences = compare(connection, counts)
        for count in counts:
            severity = rules[_check_name(count.version, count.rule_id)][1].severity
            yield _rule_result(count, severity)
        yield AssetCheckResult(
            check_name=BOTH_AGREE,
            asset_key=key,
            passed=not differences,
            severity=AssetCheckSeverity.ERROR,
            metadata={"differences": MetadataValue.md("\n".join(f"- {d}" for d in differences) or "none")},
        )

    return signed_rules


def _check_name(version: int, rule_id: str) -> str:
    return f"v{version}_{rule_id}"


def _rule_result(count: RuleCount, severity: Severity) -> AssetCheckResult:
    is_broken = count.error is not None
    return AssetCheckResult(
        check_name=_check_name(count.version, count.rule_id),
        asset_key=table_key(meeting_verdicts),
        passed=not is_broken,
        severity=AssetCheckSeverity.ERROR if severity is Severity.CRITICAL else AssetCheckSeverity.WARN,
        metadata={
            "checked": count.checked,
            "not_passed": count.failed,
            "not_passed_ids": MetadataValue.json(list(count.failing_ids)),
            "rule": count.text,
            "error": count.error or "none",
        },
    )
