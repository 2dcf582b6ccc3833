"""What can go wrong while tables are described and built.

ModelError
├── UnknownColumnError      an agreement names a column that the table has not
├── UnsupportedRuleError    a rule asks for what cannot be turned into SQL
├── FieldPathError          a field map names a path that cannot be one
├── FieldMapError           a field map says what cannot be followed
└── PlanRequestError        a plan is asked for that cannot be worked out
"""


class ModelError(Exception):
    """Base class of this package's errors: the run stops, because a number would be wrong."""


class UnknownColumnError(ModelError):
    """An agreement names a column that its table has not; `table`, `column` and `allowed` say which."""

    def __init__(self, table: str, column: str, allowed: tuple[str, ...]) -> None:
        self.table = table
        self.column = column
        self.allowed = allowed
        super().__init__(f"{table!r} has no column {column!r}; use one of {', '.join(sorted(allowed))}")


class UnsupportedRuleError(ModelError):
    """A rule cannot be turned into SQL; `rule_id` says which, the message why and what is allowed."""

    def __init__(self, rule_id: str, what: str, allowed: tuple[str, ...]) -> None:
        self.rule_id = rule_id
        self.what = what
        super().__init__(f"rule {rule_id!r}: {what} cannot be judged; use one of {', '.join(sorted(allowed))}")


class FieldPathError(ModelError):
    """A field map names a path that cannot be one; `path` says which."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"{path!r} is no path into a record; write names of letters, digits, _ and - joined by dots, numbers for list positions"
        )


class FieldMapError(ModelError):
    """A field map says what cannot be followed; `entity`, `object` and `field` say where."""

    def __init__(self, *, entity: str, object: str, field: str, what: str, allowed: tuple[str, ...]) -> None:  # noqa: A002 - the CRMs' word
        self.entity = entity
        self.object = object
        self.field = field
        super().__init__(f"field map, {entity}.{object}.{field}: {what}; use one of {', '.join(allowed)}")


class PlanRequestError(ModelError):
    """A plan is asked for that cannot be worked out: `what` is wrong, and what to do instead."""

    def __init__(self, what: str, advice: str) -> None:
        self.what = what
        super().__init__(f"{what}; {advice}")
