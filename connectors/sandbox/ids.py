"""What an id looks like in each CRM: HubSpot counts, Salesforce writes 18 characters with the object's prefix."""

from typing import Final

KEY_PREFIXES: Final = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "OpportunityHistory": "008",
    "OpportunityFieldHistory": "017",
    "UserRole": "00E",
    "Group": "00G",
    "OpportunityContactRole": "00K",
    "Lead": "00Q",
    "Task": "00T",
    "Event": "00U",
    "EmailMessage": "02s",
    "EmailMessageRelation": "0CZ",
    "Note": "002",
    "EventRelation": "0RE",
    "OpportunityStage": "01J",
    "CurrencyType": "01L",
    "DatedConversionRate": "04w",
}
"""Salesforce object -> first three characters of its ids. An object that is not listed gets `UNKNOWN_PREFIX`."""

UNKNOWN_PREFIX: Final = "a00"
OBJECT_OF_PREFIX: Final = {prefix: name for name, prefix in KEY_PREFIXES.items()}
FIRST_HUBSPOT_ID: Final = 10_000_000_001  # as long as the ids of a real account, and beyond 32 bits

_POD = "5g0"  # characters 4-6 of every Salesforce id of one instance
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT, _LONG, _GROUP = 15, 18, 5


def salesforce_id(object_name: str, number: int) -> str:
    """The id of the object's `number`-th record; ids sort as their numbers do.

    >>> salesforce_id("User", 1)
    '0055g0000000001AAA'
    """
    return long_id(KEY_PREFIXES.get(object_name, UNKNOWN_PREFIX) + _POD + _base62(number).rjust(9, "0"))


def long_id(text: str) -> str:
    """The 18-character form of a Salesforce id: three more characters say which of the 15 are capitals.

    >>> long_id("0055g0000000001")
    '0055g0000000001AAA'
    """
    if len(text) != _SHORT:
        return text
    groups = (text[start : start + _GROUP] for start in range(0, _SHORT, _GROUP))
    return text + "".join(
        _SUFFIX_DIGITS[sum(1 << place for place, sign in enumerate(g) if "A" <= sign <= "Z")] for g in groups
    )


def number_of(record_id: str) -> int:
    """Which number made this Salesforce id; 0 for an id of another instance.

    >>> number_of(salesforce_id("Task", 4711)), number_of("00T9x0000000001AAA")
    (4711, 0)
    """
    if record_id[3:6] != _POD or len(record_id) != _LONG:
        return 0
    number = 0
    for sign in record_id[6:_SHORT]:
        number = number * len(_DIGITS) + _DIGITS.index(sign)
    return number


def object_of(record_id: str) -> str | None:
    """Which Salesforce object an id belongs to, None for a prefix nobody listed.

    >>> object_of("0055g0000000001AAA")
    'User'
    """
    return OBJECT_OF_PREFIX.get(record_id[:3])


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits
