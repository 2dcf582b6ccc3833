"""Which association type HubSpot gives each pair of objects, and which one stands on the other side."""

from typing import Final

_ENGAGEMENT_TYPES = {  # engagement -> (contacts, companies, deals); the type seen from the other side is one lower
    "calls": (194, 182, 206),
    "emails": (198, 186, 210),
    "meetings": (200, 188, 212),
    "notes": (202, 190, 214),
    "tasks": (204, 192, 216),
}
_ENGAGEMENT_TARGETS = ("contacts", "companies", "deals")

DEFAULT_TYPES: Final[dict[tuple[str, str], int]] = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
    **{
        (engagement, target): type_id
        for engagement, type_ids in _ENGAGEMENT_TYPES.items()
        for target, type_id in zip(_ENGAGEMENT_TARGETS, type_ids, strict=True)
    },
    **{
        (target, engagement): type_id - 1
        for engagement, type_ids in _ENGAGEMENT_TYPES.items()
        for target, type_id in zip(_ENGAGEMENT_TARGETS, type_ids, strict=True)
    },
}
"""(from, to) -> HubSpot-defined type id of an association without a label."""

PRIMARY_TYPES: Final[dict[tuple[str, str], int]] = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
}
"""(from, to) -> type id of the primary association, which stands beside the default one (a pair then has two types)."""

_INVERSE = {
    (source, target, type_id): types[target, source]
    for types in (DEFAULT_TYPES, PRIMARY_TYPES)
    for (source, target), type_id in types.items()
}


def inverse_type(from_object: str, to_object: str, type_id: int) -> int:
    """The type of the same association seen from the other side; a type of the account's own keeps its id.

    >>> inverse_type("calls", "contacts", 194), inverse_type("deals", "companies", 5), inverse_type("calls", "contacts", 77)
    (193, 6, 77)
    """
    return _INVERSE.get((from_object, to_object, type_id), type_id)
