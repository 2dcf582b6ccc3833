"""Which plays are there, what does each do, and for how many requests?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.sandbox.store import HUBSPOT, SALESFORCE


@dataclass(frozen=True, slots=True)
class Play:
    """One case. `times`: how many matching requests it touches unless told otherwise; None: all until it is stopped.

    `options` are its knobs with what they are by default. `is_always`: the sandbox does that anyway; switching it on only
    brings about what it takes to meet it.
    """

    id: str
    what: str
    times: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    is_always: bool = False

    @property
    def crm(self) -> str:
        """Which of the two CRMs plays it."""
        return HUBSPOT if self.id.startswith("H") else SALESFORCE


_PLAYS = (
    Play("H1", "10,001 calls are changed in one millisecond", options={"count": 10_001, "at_ms": None}),
    Play(
        "H2",
        "10,001 calls are changed in one hour; a search that pages beyond 10,000 results is answered with 400",
        options={"count": 10_001, "at_ms": None},
        is_always=True,
    ),
    Play("H3", "lists and searches give short pages, and an empty page with a next one before each of them"),
    Play("H4", "the cursor of the next page is a number instead of a text, ids of association targets texts"),
    Play("H5", "the search's index lags: it does not know the last changes", options={"seconds": 60, "from_ms": None}),
    Play(
        "H6",
        "the first record of a search's page is changed after the page went out, and leaves the window",
        times=3,
        options={"at_ms": None},
    ),
    Play(
        "H7",
        "a call is archived; what was archived 90 days ago is purged",
        options={"object": "calls", "id": None, "at_ms": None},
    ),
    Play("H8", "a batch is answered in part (207)", times=1, options={"category": "INTERNAL_ERROR"}),
    Play(
        "H9",
        "429 without Retry-After: each policy in turn, or one of SECONDLY, TEN_SECONDLY_ROLLING, DAILY",
        times=2,
        options={"policy": None, "where": "/crm/"},
    ),
    Play(
        "H10",
        "200 with a page of HTML, 502, 504, 423, 477, 524: each in turn, or one of them",
        times=6,
        options={"answer": None, "where": "/crm/"},
    ),
    Play("H11", "the token has expired (401)", times=1, options={"where": "/crm/"}),
    Play(
        "H12",
        "two contacts are merged into a new one; the old ids are gone",
        options={"object": "contacts", "ids": None, "at_ms": None},
    ),
    Play(
        "H13",
        "associations come one a page, each input with its own next page; a pair may have two types; 1,001 inputs are refused",
        options={"page": 1},
        is_always=True,
    ),
    Play("H14", "an owner who left and an owner that is a queue have a call each", options={"at_ms": None}),
    Play(
        "H15",
        "a property appears, one is removed, and a deal stage is deleted while deals stand in it",
        options={"object": "deals", "new": "renewal_note", "removed": "lead_source", "stage": None, "at_ms": None},
    ),
    Play("H16", "a search body of more than 3,000 characters is answered with 400", is_always=True),
    Play("H17", "the dated paths (2026-03, 2026-09) are served beside v3 and v4", is_always=True),
    Play(
        "H18",
        "a search sorts ids as texts (9 after 10); with `after_pages` it begins with numbers and switches",
        options={"after_pages": 0},
    ),
    Play("S1", "3,000 tasks share one moment", options={"count": 3_000, "at_ms": None}),
    Play(
        "S2",
        "a long transaction: rows of the last seconds are not to be seen yet, and keep their old time when they are",
        options={"seconds": 60, "from_ms": None},
    ),
    Play("S3", "a query's locator has expired", times=1, options={"where": "/query"}),
    Play(
        "S4",
        "a task is archived and one is deleted: query leaves them out, queryAll has them",
        options={"at_ms": None},
        is_always=True,
    ),
    Play(
        "S5",
        "getDeleted covers less than was asked for: latestDateCovered lies `minutes` before the end",
        options={"minutes": 30},
        is_always=True,
    ),
    Play(
        "S6",
        "a formula field's values change and the rows' SystemModstamp does not",
        options={"object": "Opportunity", "field": "Score__c", "value": 2},
    ),
    Play(
        "S7",
        "the session has expired (401), for requests whose path contains `where`",
        times=1,
        options={"where": "/services/data"},
    ),
    Play(
        "S8",
        "401 with a page of HTML, 406, 420, 503: each in turn, or one of html, 406, 420, 503",
        times=4,
        options={"answer": None, "where": "/services/data"},
    ),
    Play(
        "S9",
        "REQUEST_LIMIT_EXCEEDED: kind `concurrent` or `daily`",
        times=1,
        options={"kind": "concurrent", "where": "/services/data"},
    ),
    Play(
        "S10",
        "Bulk 2.0 results are not what they say: variant `count`, `truncated`, `aborted` or `failed`; "
        "`text` puts line breaks, quotes, NUL and empty values into tasks",
        times=1,
        options={"variant": "count", "at_ms": None},
    ),
    Play(
        "S11",
        "two contacts are merged: the loser is deleted with a MasterRecordId, its tasks go to the winner",
        options={"object": "Contact", "ids": None, "at_ms": None},
    ),
    Play("S12", "a group event with three invitees, and a series with two occurrences", options={"at_ms": None}),
    Play(
        "S13",
        "field-level security hides a field: describe leaves it out, a query for it is refused (INVALID_FIELD)",
        options={"object": "Event", "field": "Reject_Reason__c"},
    ),
    Play("S14", "pages hold fewer than 2,000 rows, each another number"),
    Play("S15", "the limit header names this app's own limit, too", options={"used": 17, "total": 250}),
)

PLAYS: Final[Mapping[str, Play]] = {play.id: play for play in _PLAYS}
"""Id -> play, in the order of the cases."""
