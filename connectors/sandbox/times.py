"""How the two CRMs write a moment: the store keeps milliseconds since 1970 UTC, each API has its own text."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MS_PER_SECOND = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_ms() -> int:
    """The present moment in milliseconds."""
    return ms_of(datetime.now(UTC))


def ms_of(moment: datetime) -> int:
    """Milliseconds of an aware datetime, cut down to the whole millisecond.

    >>> ms_of(datetime(1970, 1, 2, tzinfo=UTC))
    86400000
    """
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse_ms(text: str) -> int:
    """Milliseconds of an ISO moment or date; a text without a zone is UTC.

    >>> parse_ms("1970-01-01T00:00:01.500+0000"), parse_ms("1970-01-02")
    (1500, 86400000)
    """
    moment = datetime.fromisoformat(text)
    return ms_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@lru_cache(maxsize=65_536)
def _seconds_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def hubspot_time(ms: int) -> str:
    """A moment as HubSpot writes it; texts of one length, so they sort as the moments do.

    >>> hubspot_time(1500)
    '1970-01-01T00:00:01.500Z'
    """
    second, rest = divmod(ms, MS_PER_SECOND)
    return f"{_seconds_text(second)}.{rest:03d}Z"


def salesforce_time(ms: int) -> str:
    """A moment as Salesforce's REST answers write it.

    >>> salesforce_time(1500)
    '1970-01-01T00:00:01.500+0000'
    """
    second, rest = divmod(ms, MS_PER_SECOND)
    return f"{_seconds_text(second)}.{rest:03d}+0000"
