"""What goes wrong at real CRMs, to be switched on in the sandbox: one play per case, H1-H18 for HubSpot, S1-S15 for Salesforce."""

from connectors.sandbox.plays.catalog import PLAYS as PLAYS
from connectors.sandbox.plays.catalog import Play as Play
from connectors.sandbox.plays.gate import CONTROL_PATH as CONTROL_PATH
from connectors.sandbox.plays.gate import gate as gate
from connectors.sandbox.plays.limits import Limits as Limits
from connectors.sandbox.plays.stage import Stage as Stage
from connectors.sandbox.plays.stage import Staging as Staging
from connectors.sandbox.plays.stage import checked_plays as checked_plays
