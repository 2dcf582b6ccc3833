"""One request on its way to a CRM server: what it asks for, and the same with something changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import urlencode

import orjson
from starlette.datastructures import QueryParams
from starlette.types import Scope

LOGIN_WORDS: Final = ("/oauth", "/services/Soap/")
LIST_WORDS: Final = 4  # crm, version and "objects" in one order or the other, object


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that plays look at and may replace."""

    crm: str
    scope: Scope
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query."""
        return str(self.scope["path"])

    @property
    def query(self) -> QueryParams:
        """The query's parameters."""
        return QueryParams(self.scope["query_string"])

    @property
    def is_login(self) -> bool:
        """Whether it asks for a token: plays leave it alone unless they are about logins."""
        return any(word in self.path for word in LOGIN_WORDS)

    @property
    def is_search(self) -> bool:
        """Whether it is a HubSpot search."""
        return self.path.endswith("/search")

    @property
    def is_list(self) -> bool:
        """Whether it is a HubSpot list of records."""
        words = self.path.strip("/").split("/")
        return self.scope["method"] == "GET" and len(words) == LIST_WORDS and "objects" in words[1:3]

    @property
    def is_batch_read(self) -> bool:
        """Whether it is a HubSpot batch of records, not of associations."""
        return self.path.endswith("/batch/read") and "/associations/" not in self.path

    def json(self) -> Any:
        """The body's JSON, an empty object when it has none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}

    def with_query(self, pairs: Sequence[tuple[str, str]]) -> Self:
        """The same request with another query."""
        return replace(self, scope={**self.scope, "query_string": urlencode(pairs).encode()})

    def with_json(self, body: Mapping[str, Any]) -> Self:
        """The same request with another body."""
        data = orjson.dumps(body)
        return replace(self, body=data).with_header("content-length", str(len(data)))

    def with_header(self, name: str, value: str) -> Self:
        """The same request with one header set."""
        key = name.lower().encode()
        kept = [pair for pair in self.scope["headers"] if pair[0] != key]
        return replace(self, scope={**self.scope, "headers": [*kept, (key, value.encode())]})
