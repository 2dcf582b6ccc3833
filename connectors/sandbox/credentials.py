"""What opens the sandbox's two CRMs. Demo words, worth nothing elsewhere."""

from typing import Final

HUBSPOT_TOKEN: Final = "sandbox"  # noqa: S105 - not a secret, see the docstring
HUBSPOT_CLIENT_ID: Final = "sandbox"
HUBSPOT_CLIENT_SECRET: Final = "sandbox"  # noqa: S105 - as above
SALESFORCE_CLIENT_ID: Final = "sandbox"
SALESFORCE_CLIENT_SECRET: Final = "sandbox"  # noqa: S105 - as above
SALESFORCE_USERNAME: Final = "sandbox"
SALESFORCE_PASSWORD: Final = "sandbox"  # noqa: S105 - as above
SALESFORCE_SECURITY_TOKEN: Final = "sandbox"  # noqa: S105 - as above
SALESFORCE_DOMAIN: Final = "sandbox.my"
"""What a client that always adds `.salesforce.com` may call the sandbox: client credentials are refused for login and test."""

SANDBOX_SECRETS: Final = {
    "HUBSPOT_ACCESS_TOKEN": HUBSPOT_TOKEN,
    "SALESFORCE_CLIENT_ID": SALESFORCE_CLIENT_ID,
    "SALESFORCE_CLIENT_SECRET": SALESFORCE_CLIENT_SECRET,
}
"""The same by the names that connections.yaml gives to secrets: what a connection with `url: sandbox` logs in with."""
