"""A night on the terminal: one line for each asset as it is done, read off Dagster's own events."""

import logging
import time
from typing import Any

from dagster import DagsterEvent, DagsterEventType, InitLoggerContext, LoggerDefinition, logger
from rich.console import Console
from rich.markup import escape

from definitions_contract.words import Lang
from pipelines.board.labels import PARTS
from pipelines.board.phrases import tell
from pipelines.night_run import was_interrupted
from pipelines.terminal import to_run

WORDS: dict[str, dict[Lang, str]] = {
    "done": {"ja": "完了", "en": "done"},
    "failed": {"ja": "失敗", "en": "failed"},
    "check": {"ja": "検査", "en": "check"},
    "rows": {"ja": "行", "en": "rows"},
    "seconds": {"ja": "秒", "en": "s"},
    "starting": {"ja": "開始", "en": "starting"},
    "elsewhere": {"ja": "（Dagster の画面を参照）", "en": " (see the Dagster UI)"},
}
EXAMPLES = "; e.g. "  # what a check's result ends with


class NightProgress(logging.Handler):
    """Prints finished assets with rows and seconds, warnings of checks, and errors; keeps the running step in a status line."""

    def __init__(self, console: Console, lang: Lang = "en") -> None:
        super().__init__()
        self._console = console
        self._words = {key: word[lang] for key, word in WORDS.items()}
        self._lang = lang
        self._status = console.status(self._words["starting"])
        self._started: dict[str, float] = {}

    def __enter__(self) -> "NightProgress":
        """Show the status line."""
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the status line away."""
        self._status.stop()

    def logger_definition(self) -> LoggerDefinition:
        """This handler as a Dagster logger."""

        @logger
        def terminal(_context: InitLoggerContext) -> logging.Logger:
            night = logging.getLogger("kpi.night")
            night.handlers[:] = [self]
            night.propagate = False
            night.setLevel(logging.DEBUG)
            return night

        return terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Turn one of Dagster's events into a line, or into nothing."""
        event = _event_of(record)
        if event is None:
            if record.levelno == logging.INFO:
                self._status.update(_plain(record))
            return
        match event.event_type:
            case DagsterEventType.STEP_START:
                self._started[str(event.step_key)] = time.monotonic()
                self._status.update(str(event.step_key).replace("__", "."))
            case DagsterEventType.ASSET_MATERIALIZATION if event.partition is None:  # one of a day is only noted
                self._materialized(event)
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                self._checked(event)
            case DagsterEventType.STEP_FAILURE if not was_interrupted(event):
                self._console.print(f"[red]{self._words['failed']}[/red]  {event.step_key}")

    def _materialized(self, event: DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        rows = materialization.metadata.get("dagster/row_count")
        seconds = time.monotonic() - self._started.get(str(event.step_key), time.monotonic())
        count = f"{rows.value:>12,} {self._words['rows']}" if rows is not None else " " * 17
        name = ".".join(materialization.asset_key.path)
        word, unit = self._words["done"], self._words["seconds"]
        self._console.print(f"[green]{word}[/green]  {name:<34}{count}  {seconds:5.1f} {unit}", highlight=False)

    def _checked(self, event: DagsterEvent) -> None:
        check = event.asset_check_evaluation_data
        if check.passed:
            return
        result: Any = check.metadata.get("result")
        text = f": {self._told(str(result.value))}" if result is not None else self._words["elsewhere"]
        line = f"[yellow]{self._words['check']}[/yellow] {check.check_name}{escape(to_run(text))}"
        self._console.print(line, highlight=False, soft_wrap=True)

    def _told(self, result: str) -> str:
        sentence, examples, ids = result.partition(EXAMPLES)
        text = tell(sentence, PARTS)
        return (
            f"{text.ja}（例: {ids}）" if self._lang == "ja" and examples else getattr(text, self._lang) + examples + ids
        )


def _event_of(record: logging.LogRecord) -> DagsterEvent | None:
    event = getattr(record, "dagster_meta", {}).get("dagster_event")
    return event if isinstance(event, DagsterEvent) else None


def _plain(record: logging.LogRecord) -> str:
    return str(getattr(record, "dagster_meta", {}).get("orig_message") or record.getMessage())
