"""`python -m connectors.sandbox STORE`: both servers in this process; `running()` starts it so."""

import argparse
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from connectors.sandbox.plays import Limits, Staging, checked_plays
from connectors.sandbox.server import HUBSPOT_PORT, SALESFORCE_PORT, serve, write_addresses


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox", description="HubSpot and Salesforce servers over one store"
    )
    parser.add_argument("store", type=Path, help="the store's file")
    parser.add_argument("--hubspot-port", type=int, default=HUBSPOT_PORT)
    parser.add_argument("--salesforce-port", type=int, default=SALESFORCE_PORT)
    parser.add_argument("--parent", type=int, help="end when this process is gone or closes our standard input")
    parser.add_argument("--play", default="", help="cases to play from the start, such as H1,S3")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds that each answer takes at least")
    for limit in fields(Limits):
        parser.add_argument(f"--{limit.name.replace('_', '-')}", type=int, help="none when left out")
    given = parser.parse_args()
    limits = Limits(**{limit.name: getattr(given, limit.name) for limit in fields(Limits)})
    with suppress(BrokenPipeError):  # whoever started us was interrupted before we could tell the addresses
        serve(
            given.store,
            staging=Staging(checked_plays(given.play), limits, given.latency),
            hubspot_port=given.hubspot_port,
            salesforce_port=given.salesforce_port,
            on_ready=write_addresses,
            parent_id=given.parent,
        )


if __name__ == "__main__":
    main()
