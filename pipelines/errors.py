"""Errors of the pipeline.

PipelineError
├── SettingsError          the environment or a settings file is wrong: say which and what is allowed
├── WarehouseBusyError     another process holds the warehouse: wait or end it
├── DiskFullError          no room to write the warehouse: make some, run again
├── ReconciliationError    fewer or more records landed than the CRM says: nothing of that sync was kept
├── InitError              `kpi init` cannot write there, or was not told enough
├── NothingPublishedError  there is no published database yet: run `kpi nightly`
├── SourceMissingError     no source could be read at all
├── NightMissingError      a day's own night has yet to run: run it, then fill in those before
├── NoSuchVersionError     no such definition or version in the agreement
├── UnknownMeetingError    nothing has the id that was asked for
├── UnknownKpiError        the agreement has no such KPI, or nobody has that name
├── UnknownPeriodError     this is no period, or no number was kept for it
└── UnknownAlertError      no open alert has the id that was asked for
"""


class PipelineError(Exception):
    """Base class: the command line prints one line of it and exits 1."""


class SettingsError(PipelineError):
    """The environment or a settings file is wrong."""


class InitError(PipelineError):
    """`kpi init` cannot write there, or was not told enough."""


class WarehouseBusyError(PipelineError):
    """Another process has the warehouse open."""


class DiskFullError(PipelineError):
    """There is no room to write what was to be written; the transaction was rolled back."""


class ReconciliationError(PipelineError):
    """What landed is not what the CRM says it has. `incomplete`: objects of which older records are missing here, too."""

    def __init__(self, message: str, *, incomplete: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.incomplete = incomplete


class NothingPublishedError(PipelineError):
    """No nightly run has published anything yet."""


class SourceMissingError(PipelineError):
    """No source could be read."""


class NightMissingError(PipelineError):
    """A day's own night has yet to run."""


class NoSuchVersionError(PipelineError):
    """No such definition or version in the agreement."""


class UnknownMeetingError(PipelineError):
    """Nothing has the id that was asked for."""


class UnknownAlertError(PipelineError):
    """No open alert has the id that was asked for."""


class UnknownKpiError(PipelineError):
    """The agreement has no such KPI, team or department, or nobody has that name."""


class UnknownPeriodError(PipelineError):
    """This is no period, or no number was kept for it."""
