"""What can be done about an alert, right from its row: the first step, the guide, and the commands to be copied."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.alert_kinds import FIRST_STEPS, guide_to, kind_of
from pipelines.board.words import Text, same
from pipelines.terminal import to_copy

SNOOZE_DAYS = 7  # a week: the reader sets another day before sending the command


@dataclass(frozen=True, slots=True)
class Help:
    """The first step for this kind of alert, where the guide goes on, and commands with places to fill in."""

    first_step: Text
    guide: str
    explain: Text
    acknowledge: Text
    snooze: Text


def help_of(row: Mapping[str, Any], as_of: date) -> Help:
    """Lay out the help for a row of kpi.alerts."""
    kind, alert_id, kpi = kind_of(row), shlex.quote(str(row["alert_id"])), to_copy()
    until = as_of + timedelta(days=SNOOZE_DAYS)
    acknowledge = Text(
        f'{kpi} alerts ack {alert_id} --by "氏名" --why "わかったこと・すること"',
        f'{kpi} alerts ack {alert_id} --by "NAME" --why "WHAT YOU KNOW OR DO"',
    )
    snooze = Text(
        f'{kpi} alerts snooze {alert_id} --by "氏名" --until {until} --why "待てる理由"',
        f'{kpi} alerts snooze {alert_id} --by "NAME" --until {until} --why "WHY IT CAN WAIT"',
    )
    return Help(FIRST_STEPS[kind], guide_to(kind), same(f"{kpi} explain alert {alert_id}"), acknowledge, snooze)
