"""What stands in an export? Header and rows as text, each with its line: delimited text, workbooks, Parquet."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, load_workbook

from connectors.errors import FileUnreadableError
from connectors.settings import FileObject

TEXT_ENDINGS = frozenset({".csv", ".tsv", ".txt"})
SHEET_ENDINGS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
PARQUET_ENDING = ".parquet"
LIKELY_ENCODINGS = (
    "utf-8",
    "cp932",
    "euc_jp",
)  # the strictest first: what is UTF-8 can often be read as the others, too
SAMPLE_BYTES = 1 << 20
KANA_OR_KANJI, ANY_SIGN = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}"), re.compile(rb"[\x80-\xff]")  # as UTF-8 has them
LONGEST_CELL = 64 << 20  # a note's text may be long; without an end the reader would take a lost quote for a cell


@dataclass(frozen=True, slots=True)
class Row:
    """One row as text. `line` counts from 1 as an editor or a spreadsheet does; in Parquet it is the row's number."""

    line: int
    cells: tuple[str | None, ...]

    @property
    def is_decoded(self) -> bool:
        """Whether every byte of it could be read in the declared encoding."""
        return not any("\udc80" <= sign <= "\udcff" for cell in self.cells if cell for sign in cell)

    @property
    def is_ascii(self) -> bool:
        """Whether it says the same in nearly every encoding."""
        return all(cell is None or cell.isascii() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns in their order with their types, and the line on which they stand."""

    line: int
    columns: tuple[str, ...]
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """One file of an object: `name` is its path inside the folder, with slashes."""

    connection: str
    path: Path
    name: str
    how: FileObject


@contextmanager
def opened(export: Export) -> Iterator[tuple[Header, Iterator[Row]]]:
    """Give the header and the rows that are not blank. Raises FileUnreadableError, from the rows too."""
    try:
        rows = _rows(export)
        header = _header(export, rows)
        yield header, (row for row in rows if any(cell and cell.strip() for cell in row.cells))
    except OSError as error:
        raise _unreadable(export, reason=str(error.strerror or error), remedy="let this user read it") from error
    except (CalamineError, pa.ArrowException) as error:
        reason = f"it is no whole {export.path.suffix} file ({error})"
        raise _unreadable(export, reason=reason, remedy="export it again") from error


def count_rows(export: Export) -> int:
    """Count the rows once more, from the file as it lies there now."""
    with opened(export) as (_, rows):
        return sum(1 for _ in rows)


def _header(export: Export, rows: Iterator[Row]) -> Header:
    if export.path.suffix.lower() == PARQUET_ENDING:
        schema = pq.read_schema(export.path)
        return Header(0, tuple(schema.names), tuple(str(field.type) for field in schema))
    first = next((row for row in rows if row.line >= export.how.header_line), None)
    if first is None or not first.is_decoded:
        raise _no_header(export, first)
    columns = tuple((cell or "").strip() for cell in first.cells)
    named = [column for column in columns if column]
    doubled = sorted({column for column in named if named.count(column) > 1})
    if doubled:
        reason = f"two columns are named {', '.join(doubled)}"
        raise _unreadable(export, line=first.line, reason=reason, remedy="name each column differently")
    return Header(first.line, columns, ("text",) * len(columns))


def _no_header(export: Export, first: Row | None) -> FileUnreadableError:
    if first is None:
        remedy = "correct header_line, or export it again"
        return _unreadable(export, line=export.how.header_line, reason="there is no header", remedy=remedy)
    return wrong_encoding(export, first.line)


def wrong_encoding(export: Export, line: int) -> FileUnreadableError:
    """The error of a file that is not in the declared encoding."""
    reason = f"it cannot be read as {export.how.encoding}"
    fitting = next((name for name in LIKELY_ENCODINGS if name != export.how.encoding and _reads_as(export, name)), None)
    remedy = f"set `encoding: {fitting}`, as which it can be read" if fitting else "set `encoding`, or export it again"
    return _unreadable(export, line=line, reason=reason, remedy=remedy)


def _reads_as(export: Export, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(_sample(export))
    except UnicodeError:
        return False
    return True


def _is_mistaken(export: Export) -> bool:
    """Whether it is UTF-8 and would be read as something else, sign by sign and without an error: names turned to noise.

    Kana and kanji in UTF-8 are no likely text in the older encodings, where a whole file of them is read without a fault.
    """
    telling = ANY_SIGN if export.how.encoding == "latin-1" else KANA_OR_KANJI
    is_older = export.how.encoding not in ("utf-8", "utf-8-sig", "utf-16")
    return is_older and telling.search(_sample(export)) is not None and _reads_as(export, "utf-8")


def _sample(export: Export) -> bytes:
    with export.path.open("rb") as stream:
        return stream.read(SAMPLE_BYTES)


def _rows(export: Export) -> Iterator[Row]:
    ending = export.path.suffix.lower()
    if ending in TEXT_ENDINGS:
        return _text_rows(export)
    if ending in SHEET_ENDINGS:
        return _sheet_rows(export)
    if ending == PARQUET_ENDING:
        return _parquet_rows(export)
    known = ", ".join(sorted(TEXT_ENDINGS | SHEET_ENDINGS | {PARQUET_ENDING}))
    raise _unreadable(export, reason=f"files that end in '{ending}' are not read", remedy=f"export one of {known}")


def _text_rows(export: Export) -> Iterator[Row]:
    encoding = "utf-8-sig" if export.how.encoding == "utf-8" else export.how.encoding
    delimiter = export.how.delimiter or ("\t" if export.path.suffix.lower() == ".tsv" else ",")
    csv.field_size_limit(LONGEST_CELL)
    if _is_mistaken(export):
        raise wrong_encoding(export, export.how.header_line)
    with export.path.open(encoding=encoding, errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                yield Row(line, tuple(cells))
                line = reader.line_num + 1
        except csv.Error as error:
            reason = f"the row that begins here cannot be read ({error})"
            raise _unreadable(export, line=line, reason=reason, remedy="mend its quotes, or export it again") from error
        except UnicodeError as error:
            raise wrong_encoding(export, line) from error


def _sheet_rows(export: Export) -> Iterator[Row]:
    with load_workbook(export.path) as book:
        name = export.how.sheet or book.sheet_names[0]
        if name not in book.sheet_names:
            remedy = f"name one of {', '.join(book.sheet_names)}"
            raise _unreadable(export, reason=f"there is no sheet '{name}'", remedy=remedy)
        for line, cells in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1):
            yield Row(line, tuple(map(_as_text, cells)))


def _parquet_rows(export: Export) -> Iterator[Row]:
    line = 0
    with pq.ParquetFile(export.path) as file:
        for batch in file.iter_batches():
            columns = [column.to_pylist() for column in batch.columns]
            for cells in zip(*columns, strict=True):
                line += 1
                yield Row(line, tuple(map(_as_text, cells)))


def _as_text(value: Any) -> str | None:
    """Write a cell as an export in text would have it.

    >>> [_as_text(one) for one in (True, 3.0, 3.5, datetime(2026, 4, 1, 9, 30), date(2026, 4, 1), None)]
    ['true', '3', '3.5', '2026-04-01 09:30:00', '2026-04-01', None]
    """
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _as_text(value.total_seconds())
        case list() | dict():
            return orjson.dumps(value, default=str).decode()
        case _:
            return str(value)


def as_row(columns: Sequence[str], row: Row) -> dict[str, str | None]:
    """Give the cells by the names of their columns; a column without a name holds nothing that can be mapped."""
    return {column: cell for column, cell in zip(columns, row.cells, strict=False) if column}


def _unreadable(export: Export, *, line: int = 0, reason: str, remedy: str) -> FileUnreadableError:
    return FileUnreadableError(export.connection, file=export.name, line=line, reason=reason, remedy=remedy)
