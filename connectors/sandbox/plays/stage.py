"""Which plays run now? The servers ask it; whoever started them, or the control address, switches plays on and off."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from connectors.sandbox.errors import UnknownPlayError
from connectors.sandbox.plays.catalog import PLAYS, Play
from connectors.sandbox.plays.limits import Limits, Meter
from connectors.sandbox.plays.world import WORLD
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store
from connectors.sandbox.times import MS_PER_SECOND, now_ms

_INDEX_LAG = {HUBSPOT: "H5", SALESFORCE: "S2"}


@dataclass
class Playing:
    """A play that is on: how many more requests it touches (None: all), and how many it has touched."""

    play: Play
    options: Mapping[str, Any]
    left: int | None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Staging:
    """What servers start with: plays by id, limits, and how long each answer takes at least."""

    plays: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    latency_ms: float = 0.0

    def arguments(self) -> list[str]:
        """The same for the command line of `python -m connectors.sandbox`."""
        given = {name: value for name, value in asdict(self.limits).items() if value is not None}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        return [*flags, f"--latency={self.latency_ms}", *([f"--play={','.join(self.plays)}"] if self.plays else [])]


def checked_plays(text: str) -> tuple[str, ...]:
    """Ids out of a text such as `H1,S3`; one that does not exist raises UnknownPlayError.

    >>> checked_plays("h1, S3")
    ('H1', 'S3')
    """
    ids = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    for play_id in ids:
        if play_id not in PLAYS:
            raise UnknownPlayError(play_id, known=PLAYS)
    return ids


class Stage:
    """The plays of one pair of servers. Same plays, same requests, same answers: nothing here is left to chance."""

    def __init__(self, store: Store, staging: Staging | None = None) -> None:
        start = staging or Staging()
        self.store = store
        self.meter = Meter(start.limits)
        self.latency_ms = start.latency_ms
        self._playing: dict[str, Playing] = {}
        for play_id in start.plays:
            self.play(play_id)

    @property
    def is_idle(self) -> bool:
        """Whether requests pass untouched."""
        return not self._playing and not self.latency_ms and self.meter.limits.is_none

    def play(self, play_id: str, *, times: int | None = None, **options: Any) -> Playing:
        """Switch a play on; what it does to the records is done now. `times` 0: until it is stopped; None: as the play has it."""
        play = PLAYS.get(play_id)
        if play is None:
            raise UnknownPlayError(play_id, known=PLAYS)
        unknown = options.keys() - play.options.keys()
        if unknown:
            raise UnknownPlayError(f"{play_id} with option {', '.join(sorted(unknown))}", known=play.options)
        left = play.times if times is None else times or None
        playing = Playing(play, {**play.options, **options}, left)
        change: Callable[[Store, Mapping[str, Any]], None] | None = WORLD.get(play_id)
        if change is not None:
            change(self.store, playing.options)
        self._playing[play_id] = playing
        return playing

    def stop(self, *play_ids: str) -> None:
        """Switch plays off, all of them when none is named; what they did to the records stays."""
        for play_id in play_ids or tuple(self._playing):
            self._playing.pop(play_id, None)

    def set_limits(self, limits: Limits) -> None:
        """Count anew, by these limits."""
        self.meter = Meter(limits)

    def playing(self) -> list[Playing]:
        """What is on, in the order of the cases."""
        return [self._playing[play_id] for play_id in PLAYS if play_id in self._playing]

    def on(self, play_id: str) -> Playing | None:
        """The play when it is on and has not touched all its requests yet."""
        playing = self._playing.get(play_id)
        return None if playing is None or playing.left == 0 else playing

    def take(self, play_id: str) -> Playing | None:
        """The play for one more request: counted; None when it is off or used up."""
        playing = self.on(play_id)
        if playing is not None:
            playing.count += 1
            playing.left = None if playing.left is None else playing.left - 1
        return playing

    # -- what the servers ask

    def hidden_from_ms(self, crm: str) -> int | None:
        """From which time of change on a CRM's index shows nothing yet; None: it shows all."""
        lag = self.on(_INDEX_LAG[crm])
        if lag is None:
            return None
        given = lag.options["from_ms"]
        return int(given) if given is not None else now_ms() - round(lag.options["seconds"] * MS_PER_SECOND)

    def hidden_fields(self, crm: str, object_name: str) -> frozenset[str]:
        """Fields that were removed, or that this user may not see."""
        hiding = self.on("H15" if crm == HUBSPOT else "S13")
        if hiding is None or hiding.options["object"] != object_name:
            return frozenset()
        name = hiding.options["removed" if crm == HUBSPOT else "field"]
        return frozenset(filter(None, [name]))

    def association_page(self, usual: int) -> int:
        """How many targets one input of an association batch gets in one page."""
        paging = self.on("H13")
        return usual if paging is None else int(paging.options["page"])

    def sorts_ids_as_texts(self) -> bool:
        """Whether this search sorts ids as texts; each question is one page."""
        sorting = self.take("H18")
        return sorting is not None and sorting.count > sorting.options["after_pages"]
