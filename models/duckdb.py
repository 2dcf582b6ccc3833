"""What only DuckDB can do, and under which name: another engine needs a second module like this one, nothing else.

Everything here builds SQLAlchemy expressions; nothing opens a database. Times are TIMESTAMPTZ in UTC (the opener sets the
session's zone), days are asked for by zone.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Double,
    FromClause,
    Integer,
    Interval,
    Text,
    case,
    cast,
    extract,
    func,
    literal,
    literal_column,
    or_,
    true,
    try_cast,
)
from sqlalchemy.types import TypeEngine, UserDefinedType

from models.errors import FieldPathError

TIMESTAMP = DateTime(timezone=True)
PATH_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]*|\d+")
QUOTED_KEY = re.compile(r'"[^"\\\x00]+"')  # one key of any signs: a column of an export
PHONE_DIGITS = 9
EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Hangul}]"
DIGITS_ONLY = r"-?\d{10,14}"  # epoch milliseconds from 1970-04 to 5138; ten digits in seconds would be read as 1970
GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"
DURATION = r"\d{1,3}:[0-5]\d:[0-5]\d"  # with two parts it could be minutes or hours
TIME_WITH_ZONE = r":\d\d(\.\d+)?\s*(Z|z|[+-]\d\d(:?\d\d)?)$"
TRUE_WORDS = ("true", "yes", "1", "y", "t")
FALSE_WORDS = ("false", "no", "0", "n", "f")
WEB_ADDRESS = r"^\s*(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?(?:www\.)?([^/:?#\s]+)"


# --- sources ----------------------------------------------------------------------------------------------------------


def parquet_files(files: Sequence[Path], *columns: str) -> FromClause:
    """Give the named columns of Parquet files as one table; the paths are bound, whatever signs are in them."""
    paths = literal([str(file) for file in files], ARRAY(Text))
    return func.read_parquet(paths).table_valued(*columns).alias("landed")


# --- JSON -------------------------------------------------------------------------------------------------------------


class _Json(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


def json_path(path: str) -> str:
    """Turn a dotted path into DuckDB's: names are quoted, numbers are list positions.

    A path in double quotes is one key, whatever signs are in it.

    >>> json_path("teams.0.name")
    '$."teams"[0]."name"'
    >>> json_path('"No. (秒)"')
    '$."No. (秒)"'
    """
    if QUOTED_KEY.fullmatch(path):
        return f"$.{path}"
    parts = path.split(".")
    if not all(PATH_PART.fullmatch(part) for part in parts):
        raise FieldPathError(path)
    return "$" + "".join(f"[{part}]" if part.isdigit() else f'."{part}"' for part in parts)


def json_text(payload: ColumnElement[Any], path: str) -> ColumnElement[str | None]:
    """Give the value at a path as text: JSON null and a missing key are NULL, true is 'true', an object its JSON."""
    return func.json_extract_string(payload, json_path(path), type_=Text())


def json_texts(payload: ColumnElement[Any], paths: Sequence[str]) -> ColumnElement[list[str | None]]:
    """Give the values at many paths as a list of texts: the document is read once, not once a path."""
    return func.json_extract_string(
        payload, literal([json_path(path) for path in paths], ARRAY(Text)), type_=ARRAY(Text)
    )


def list_item(values: ColumnElement[Any], position: int) -> ColumnElement[Any]:
    """Give the item at a position counted from 0 (DuckDB counts from 1)."""
    return func.list_extract(values, literal_column(str(position + 1)), type_=Text())


def json_items(payload: ColumnElement[Any], path: str, *, or_one_empty: bool = False) -> ColumnElement[Any]:
    """Give one row per item of the JSON array at a path: a select list with it in becomes that long.

    No array or an empty one gives no row, or one row with an empty object.
    """
    items: ColumnElement[Any] = func.json_extract(payload, f"{json_path(path)}[*]", type_=ARRAY(_Json()))
    if or_one_empty:
        nothing = try_cast(literal(["{}"], ARRAY(Text)), ARRAY(_Json()))
        items = case((func.len(items) > 0, items), else_=nothing)
    return func.unnest(items, type_=Text())


def text_items(value: ColumnElement[Any], separator: str) -> ColumnElement[Any]:
    """Give one row per part of a separated text."""
    return func.unnest(func.string_split(value, separator), type_=Text())


def row_for_each(values: Sequence[ColumnElement[Any]], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Give one row per value: a select list with several in, all as long, becomes that long, the n-th of each in one row."""
    return func.unnest(func.list_value(*values), type_=kind)


def shares_of(key: ColumnElement[Any], count: int) -> list[ColumnElement[bool]]:
    """Give conditions that split rows by a key into so many shares of about the same size: equal keys into the same one."""
    if count == 1:
        return [true()]
    return [func.hash(key) % literal_column(str(count)) == literal_column(str(number)) for number in range(count)]


# --- conversions: NULL when the text cannot be read ------------------------------------------------------------------


def to_type(value: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """Convert text, or give NULL where it cannot be converted."""
    return try_cast(value, kind)


def plain_figure(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give a figure as spreadsheets show it in plain form: 1,185.5 without its comma, a duration of 0:19:45 in seconds."""
    seconds = extract("epoch", try_cast(value, Interval()))
    return case(
        (func.regexp_full_match(value, GROUPED), func.replace(value, ",", "")),
        (func.regexp_full_match(value, DURATION), cast(seconds, Text())),
        else_=value,
    )


def to_number(value: ColumnElement[Any]) -> ColumnElement[float | None]:
    """Read a finite number: 'nan' and 'inf' are no figures."""
    number: ColumnElement[float] = try_cast(value, Double())
    return case((func.isfinite(number), number))


def to_integer(value: ColumnElement[Any], *, divide: int = 1) -> ColumnElement[int | None]:
    """Read a whole number, rounded after the division."""
    number = to_number(value)
    return try_cast(func.round(number / float(divide)) if divide != 1 else func.round(number), BigInteger())


def to_boolean(value: ColumnElement[Any]) -> ColumnElement[bool | None]:
    """Read true/false, yes/no, 1/0 in any case."""
    word = func.lower(func.trim(value))
    return case((_is_among(word, TRUE_WORDS), True), (_is_among(word, FALSE_WORDS), False))


def _is_among(word: ColumnElement[Any], words: Sequence[str]) -> ColumnElement[bool]:
    """Look into a list: IN would be planned as a join with its words, which for a few hundred rows is most of the time."""
    return func.list_contains(literal(list(words), ARRAY(Text)), word, type_=Boolean())


def to_timestamp(value: ColumnElement[Any], zone: str = "UTC") -> ColumnElement[Any]:
    """Read ISO 8601 or epoch milliseconds; a time without a zone is `zone`'s, a day is its first moment there."""
    milliseconds: ColumnElement[float] = try_cast(value, Double())
    return case(
        (func.regexp_full_match(value, DIGITS_ONLY), func.to_timestamp(milliseconds / 1000.0)),
        (func.regexp_matches(value, TIME_WITH_ZONE), try_cast(value, TIMESTAMP)),
        else_=func.timezone(zone, try_cast(value, DateTime())),
    )


def to_day(value: ColumnElement[Any], zone: str, *, written_in: str = "UTC") -> ColumnElement[Any]:
    """Read a day; a moment is the day that it falls on in the zone. `written_in` is the zone of a moment without one."""
    is_moment = or_(func.regexp_full_match(value, DIGITS_ONLY), func.regexp_matches(value, r"\d[T ]\d"))
    return case((is_moment, local_date(to_timestamp(value, written_in), zone)), else_=try_cast(value, Date()))


def to_phone(value: ColumnElement[Any]) -> ColumnElement[str | None]:
    """Give a phone number's last nine digits, the same with and without the country's code; NULL for a shorter one."""
    digits = func.regexp_replace(func.nfc_normalize(value), r"\D", "", "g")
    return case((func.len(digits) >= PHONE_DIGITS, func.right(digits, PHONE_DIGITS)))


def to_plain_name(value: ColumnElement[Any]) -> ColumnElement[str | None]:
    """Give a person's name as it is compared: lower case, without blanks of any width."""
    return func.nullif(func.lower(func.regexp_replace(value, r"[\s\x{3000}]+", "", "g")), "")


def first_version(history: ColumnElement[Any]) -> ColumnElement[str | None]:
    """Give the oldest value of a HubSpot property's history, JSON as text, that is not empty; NULL without one."""
    whole = func.coalesce(history, "[]", type_=Text())
    times, values = (
        func.json_extract_string(whole, literal_column(f"'$[*].{name}'")) for name in ("timestamp", "value")
    )
    known = func.list_filter(func.list_zip(times, values), literal_column("lambda version: version[2] <> ''"))
    return func.struct_extract(
        func.list_extract(func.list_sort(known), literal_column("1")), literal_column("2"), type_=Text()
    )


def family_first(given: ColumnElement[Any], family: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Put a person's names in order: the family name first where one of them is written in Japanese, Chinese or Korean signs.

    Katakana alone does not tell: names from elsewhere are written in it, the given name first.
    """
    is_so = func.coalesce(func.regexp_matches(func.concat_ws(" ", given, family), EAST_ASIAN), literal(False))
    return [case((is_so, family), else_=given), case((is_so, given), else_=family)]


def to_host(value: ColumnElement[Any]) -> ColumnElement[str | None]:
    """Give the host of a web address or domain: lower case, without scheme, www., port and path."""
    return func.nullif(func.regexp_extract(func.lower(value), WEB_ADDRESS, 1), "")


# --- time -------------------------------------------------------------------------------------------------------------


def local_date(moment: ColumnElement[Any], zone: str) -> ColumnElement[Any]:
    """Give the calendar day of a moment in a zone."""
    return cast(func.timezone(zone, moment), Date())


def minute_of(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """Cut a moment to its minute."""
    return func.date_trunc(literal_column("'minute'"), moment, type_=TIMESTAMP)


def minutes_between(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[int]:
    """Give whole minutes from start to end."""
    return cast(func.floor((extract("epoch", end) - extract("epoch", start)) / 60), BigInteger())


def days_between(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[int]:
    """Give whole days from start to end, both dates."""
    return func.date_diff(literal_column("'day'"), start, end, type_=BigInteger())


# --- aggregates -------------------------------------------------------------------------------------------------------


def first_known(value: ColumnElement[Any], order: ColumnElement[Any]) -> ColumnElement[Any]:
    """Aggregate: the value of the row that comes first, among those that have one."""
    return func.arg_min(value, order, type_=value.type).filter(value.is_not(None))


def median(value: ColumnElement[Any]) -> ColumnElement[float]:
    """Aggregate: the middle value; between two the mean of both."""
    return func.median(value, type_=Double())


# --- numbers ----------------------------------------------------------------------------------------------------------


class _HugeInteger(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "HUGEINT"


def wide(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give a whole number room to be added to and multiplied: beyond 64 bits the engine stops with an error."""
    return cast(value, _HugeInteger()) if isinstance(value.type, Integer) else value
