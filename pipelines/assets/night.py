"""What a run is asked for: the same three answers for the nightly schedule, the launchpad and `kpi nightly`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from dagster import ConfigurableResource, DagsterInstance, DagsterRun, InitResourceContext
from pydantic import Field, PrivateAttr

from connectors.lock import hold
from models.context import BuildContext, ConnectionFacts
from pipelines.agreement import current_agreement, current_connections
from pipelines.errors import SettingsError
from pipelines.night_lock import LOCK_NAME, is_ours
from pipelines.settings import Settings

FOR_EVER = -1  # a night of the schedule that finds a backup running is late, not lost


class Night(ConfigurableResource):  # type: ignore[type-arg]  # its value is itself
    """Arguments of a run; the defaults are those of the schedule."""

    as_of: str = Field(
        default="",
        description="Last whole day that counts, YYYY-MM-DD. Empty: yesterday in the team's zone. "
        "A past day shows every number as of then, until the next night.",
    )
    full_refresh: bool = Field(default=False, description="Ask the CRMs for everything again, not only what changed.")
    only: str = Field(default="", description="Name of the one connection to ask. Empty: all.")
    # a run that goes on after midnight counts the day that its first step counted
    _began: datetime | None = PrivateAttr(default=None)

    @property
    def began(self) -> datetime:
        """When the run began; now, outside a run."""
        return self._began or datetime.now(UTC)


def night_holding(home: Path) -> Night:
    """The arguments of a run, which hold the home's lock while the run lasts; `kpi nightly` holds it already."""

    class NightHolding(Night):
        @contextmanager
        def yield_for_execution(self, context: InitResourceContext) -> Iterator[Night]:
            if context.run is not None and context.instance is not None:
                self._began = began(context.instance, context.run)
            if context.run is None or is_ours(context.run):
                yield self
                return
            with hold(home / LOCK_NAME, run=context.run.run_id, wait_seconds=FOR_EVER):
                yield self

    return NightHolding()


def began(instance: DagsterInstance, run: DagsterRun) -> datetime:
    """When a run began, or the one that it is a retry of: resumed or retried tomorrow, it still counts the same day."""
    for run_id in filter(None, (run.root_run_id, run.run_id)):
        if (record := instance.get_run_record_by_id(run_id)) is not None:
            return record.create_timestamp
    return datetime.now(UTC)


def day_of(night: Night, zone: ZoneInfo, now: datetime) -> date:
    """The last whole day that counts. Raises SettingsError for what is no day.

    >>> day_of(Night(), ZoneInfo("Asia/Tokyo"), datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    datetime.date(2026, 11, 23)
    """
    if not night.as_of:
        return now.astimezone(zone).date() - timedelta(days=1)
    try:
        return date.fromisoformat(night.as_of)
    except ValueError as error:
        raise SettingsError(f"as_of is {night.as_of!r}; write a day as YYYY-MM-DD, or leave it empty") from error


def build_context(settings: Settings, night: Night) -> BuildContext:
    """What the models are given tonight."""
    agreement = current_agreement(settings)
    now = datetime.now(UTC)
    connections = current_connections(settings)
    return BuildContext(
        agreement=agreement,
        as_of=day_of(night, agreement.team.tz, night.began),
        known_at=now,
        connections=tuple(ConnectionFacts(name=c.name, crm=c.crm, record_url=c.record_url) for c in connections),
    )
