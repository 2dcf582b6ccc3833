"""How the parts make one Dagster project: assets, checks, the nightly job, its schedule and sensors."""

from collections.abc import Mapping

from dagster import AssetSelection, Definitions, LoggerDefinition, define_asset_job, in_process_executor

from definitions_contract.loader import load_agreement
from pipelines.assets.night import night_holding
from pipelines.assets.past_nights import past_nights_asset
from pipelines.assets.publishing import agreement_asset, published_assets
from pipelines.assets.rules import data_rule_check, rule_checks
from pipelines.assets.sources import raw_key, source_assets
from pipelines.assets.tables import PAST_KEY, table_assets
from pipelines.schedules import nightly_schedule
from pipelines.sensors import night_sensors
from pipelines.settings import Settings
from pipelines.sources import configured_connections

JOB_NAME = "nightly"


def build_definitions(settings: Settings, loggers: Mapping[str, LoggerDefinition] | None = None) -> Definitions:
    """Wire everything for one home, one set of connections and one agreement. `loggers` replace Dagster's own on the console."""
    agreement = load_agreement(settings.agreement_folder)
    connections = configured_connections(settings)
    tables = table_assets(settings, [raw_key(connection) for connection in connections])
    assets = [
        agreement_asset(settings),
        *source_assets(settings, connections),
        *tables,
        *published_assets(settings, [key for table in tables for key in table.keys]),
        past_nights_asset(settings, agreement.team, connections),
    ]
    checks = [rule_checks(settings, agreement), data_rule_check(settings)]
    # one process for the whole night: starting one for each step costs 4-5 s, and one process holds the warehouse anyway
    job = define_asset_job(
        JOB_NAME,
        selection=AssetSelection.all() - AssetSelection.assets(PAST_KEY),
        executor_def=in_process_executor,
        description="Everything, from the CRMs to the board and the messages; running it twice changes nothing",
    )
    return Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[job],
        schedules=[nightly_schedule(job, agreement.team)],
        sensors=night_sensors(settings, job),
        resources={"night": night_holding(settings.home)},
        executor=in_process_executor,
        loggers=loggers,
    )
