"""The built-in CRM sandbox, started where a connection's address is `sandbox` and nobody serves it yet."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from connectors.sandbox.plays import Staging
from connectors.sandbox.server import SandboxAddresses, running
from connectors.sandbox.store import Store

STORE_NAME = "crm.sqlite"
ADDRESS_NAME = "address.json"
HUBSPOT_PORT = 4180  # where record links of the demo lead to; a busy port is replaced by a free one
SALESFORCE_PORT = 4190


class _Address(BaseModel):
    hubspot_url: str
    salesforce_url: str


def make_store(folder: Path, as_of: date) -> Path:
    """Fill the sandbox with the demo company up to as_of, once; return the store's path.

    Killed while filling, the next call starts over: the store gets its name only when it is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store_path = folder / STORE_NAME
    with FileLock(folder / "store.lock"):
        if store_path.exists():
            return store_path
        from connectors.sandbox.company import build_company, write_company

        unfinished = folder / f"{STORE_NAME}.unfinished"
        for leftover in folder.glob(f"{unfinished.name}*"):
            leftover.unlink()
        with Store(unfinished) as store:
            write_company(build_company(as_of), store)
        unfinished.rename(store_path)
    return store_path


@contextmanager
def sandbox_addresses(folder: Path, as_of: date) -> Iterator[SandboxAddresses]:
    """Addresses of the sandbox: of the one that runs for this folder, else of one started for the time of the block."""
    known = _running_address(folder)
    if known is not None:
        yield known
        return
    with running(make_store(folder, as_of)) as addresses:
        yield addresses


@contextmanager
def announced_sandbox(folder: Path, as_of: date, *, staging: Staging | None = None) -> Iterator[SandboxAddresses]:
    """Run the sandbox on its usual ports and leave its address for others to find; `staging` says what goes wrong in it."""
    store = make_store(folder, as_of)
    with running(store, hubspot_port=HUBSPOT_PORT, salesforce_port=SALESFORCE_PORT, staging=staging) as addresses:
        address = _Address(hubspot_url=addresses.hubspot_url, salesforce_url=addresses.salesforce_url)
        (folder / ADDRESS_NAME).write_text(address.model_dump_json(), encoding="utf-8")
        try:
            yield addresses
        finally:
            (folder / ADDRESS_NAME).unlink(missing_ok=True)


def _running_address(folder: Path) -> SandboxAddresses | None:
    """Read the address that a running sandbox left; None when there is none or it no longer answers."""
    try:
        address = _Address.model_validate_json((folder / ADDRESS_NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    urls = (address.hubspot_url, address.salesforce_url)
    return SandboxAddresses(*urls) if all(_answers(url) for url in urls) else None


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1):
            return True
    except OSError:
        return False


def reset_store(folder: Path) -> None:
    """Throw the demo company's records away; the next start makes them anew."""
    for file in folder.glob(f"{STORE_NAME}*"):
        file.unlink()
