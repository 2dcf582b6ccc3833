"""What happens after a run: messages that a channel missed are sent again, a failed night tells the data people."""

from datetime import UTC, date, datetime

from dagster import (
    DagsterRunStatus,
    DefaultSensorStatus,
    JobDefinition,
    RunFailureSensorContext,
    RunStatusSensorContext,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    run_failure_sensor,
    run_status_sensor,
    sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.agreement import current_agreement
from pipelines.alerts import deliver, send_failure
from pipelines.assets.night import Night, began, day_of
from pipelines.night_lock import is_home_taken
from pipelines.recipients import load_recipients
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

TAKEN = "a night or a backup is running"
OUTBOX_SECONDS = 600  # a digest at nine may come at ten past

Job = JobDefinition | UnresolvedAssetJobDefinition


def night_sensors(settings: Settings, job: Job) -> list[SensorDefinition]:
    """The sensors, on by default; they act on runs that the daemon or the UI started."""
    return [_alert_sensor(settings, job), _failure_sensor(settings, job), _outbox_sensor(settings)]


def _alert_sensor(settings: Settings, job: Job) -> SensorDefinition:
    @run_status_sensor(
        name="alerts_due",
        run_status=DagsterRunStatus.SUCCESS,
        monitored_jobs=[job],
        default_status=DefaultSensorStatus.RUNNING,
        description="After a night: sends alert messages that a channel has not had yet",
    )
    def alerts_due(context: RunStatusSensorContext) -> None:
        if is_home_taken(settings.home):
            context.log.info("%s; alerts_outbox sends what is due", TAKEN)
            return
        agreement = current_agreement(settings)
        now = datetime.now(UTC)
        as_of = _as_of(context.dagster_run.run_config) or day_of(
            Night(), agreement.team.tz, began(context.instance, context.dagster_run)
        )
        recipients, link = load_recipients(settings)
        sent = deliver(Warehouse(settings.warehouse), agreement, channels=recipients, as_of=as_of, now=now, link=link)
        context.log.info("sent %d messages for %s", sent, as_of)

    return alerts_due


def _outbox_sensor(settings: Settings) -> SensorDefinition:
    @sensor(
        name="alerts_outbox",
        minimum_interval_seconds=OUTBOX_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Every ten minutes: sends what waited for the morning, for the end of quiet hours, or for a channel",
    )
    def alerts_outbox(context: SensorEvaluationContext) -> SkipReason:
        if not settings.warehouse.exists():
            return SkipReason("no night has run yet")
        if is_home_taken(settings.home):
            return SkipReason(f"{TAKEN}; the next look is in ten minutes")
        agreement = current_agreement(settings)
        now = datetime.now(UTC)
        recipients, link = load_recipients(settings)
        as_of = day_of(Night(), agreement.team.tz, now)
        sent = deliver(Warehouse(settings.warehouse), agreement, channels=recipients, as_of=as_of, now=now, link=link)
        context.log.info("sent %d messages that waited", sent)
        return SkipReason(f"sent {sent} messages that waited")

    return alerts_outbox


def _failure_sensor(settings: Settings, job: Job) -> SensorDefinition:
    @run_failure_sensor(
        name="night_failed",
        monitored_jobs=[job],
        default_status=DefaultSensorStatus.RUNNING,
        description="A night failed: tells the addresses in KPI_NOTIFY which step and why",
    )
    def night_failed(context: RunFailureSensorContext) -> None:
        recipients, _ = load_recipients(settings)
        send_failure(recipients, run_id=context.dagster_run.run_id, reason=context.failure_event.message or "")

    return night_failed


def _as_of(run_config: object) -> date | None:
    """The day that a run was asked for, when its configuration names one."""
    try:
        text = run_config["resources"]["night"]["config"]["as_of"]  # type: ignore[index]  # any shape may come from the UI
    except (KeyError, TypeError):
        return None
    return date.fromisoformat(text) if text else None
