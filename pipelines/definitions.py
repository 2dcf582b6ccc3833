"""Dagster's way in: what the webserver, the daemon and `dg` load."""

import os

from pipelines.settings import Settings
from pipelines.wiring import build_definitions

defs = build_definitions(Settings.from_env(os.environ))
