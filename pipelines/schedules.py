"""When the night runs by itself: 02:00 in the team's zone, on by default."""

from datetime import timedelta

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from definitions_contract.schema import TeamAgreement

NIGHT_CRON = "0 2 * * *"  # after the last reps have logged their day, before the first manager looks


def nightly_schedule(job: UnresolvedAssetJobDefinition, team: TeamAgreement) -> ScheduleDefinition:
    """The nightly run for the day that ended at midnight; a night caught up later still counts its own day."""

    @schedule(
        job=job,
        cron_schedule=NIGHT_CRON,
        execution_timezone=team.zone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Every night at 02:00 in the team's zone, for the day before",
    )
    def nightly(context: ScheduleEvaluationContext) -> RunRequest:
        as_of = context.scheduled_execution_time.astimezone(team.tz).date() - timedelta(days=1)
        return RunRequest(run_key=as_of.isoformat(), run_config=night_config(as_of=as_of.isoformat()))

    return nightly


def night_config(*, as_of: str = "", full_refresh: bool = False, only: str = "") -> dict[str, object]:
    """Run configuration of a night; see pipelines.assets.night.Night."""
    return {"resources": {"night": {"config": {"as_of": as_of, "full_refresh": full_refresh, "only": only}}}}
