"""`python -m connectors.sandbox STORE`: both servers in this process; `running()` starts it so."""

import argparse
from pathlib import Path

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
    given = parser.parse_args()
    serve(
        given.store,
        hubspot_port=given.hubspot_port,
        salesforce_port=given.salesforce_port,
        on_ready=write_addresses,
        parent_id=given.parent,
    )


if __name__ == "__main__":
    main()
