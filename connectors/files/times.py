"""When does an export say that something was? Times as people and spreadsheets write them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

WRITTEN = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
EPOCH_MILLISECONDS = re.compile(r"\d{10,14}")


def as_moment(text: str, zone: ZoneInfo) -> datetime:
    """Read ISO 8601, also with slashes and without leading zeros, or epoch milliseconds; without a zone it is `zone`'s.

    >>> as_moment("2026/4/1 9:30", ZoneInfo("Asia/Tokyo")).isoformat()
    '2026-04-01T00:30:00+00:00'
    """
    if EPOCH_MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
    found = WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone
    ).replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))
    if offset:
        return datetime.fromisoformat(f"{moment.replace(tzinfo=None).isoformat()}{offset.upper()}").astimezone(UTC)
    return moment.astimezone(UTC)
