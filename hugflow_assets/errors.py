"""Everything that can go wrong, by name.

Each kind has a stable ``code`` a person can search for, says in ``remedy`` what to do next, and carries the
``exit_status`` of the command line: 1 when the request or the dataset is at fault, 2 for usage, 3 when the
environment is (Hub down, disk full). ``transient`` kinds may pass by themselves and are tried again; the others
wait for an edit, and a rerun changes nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar

REQUEST_AT_FAULT = 1
USAGE = 2
ENVIRONMENT_AT_FAULT = 3


class HugflowError(Exception):
    """The base of every error that Hugflow raises on purpose.

    Args:
        message: what happened: the thing, what was expected, what was found.
        remedy: what to do next, one sentence; empty where there is nothing to do.
        details: JSON-able facts for metadata and logs. Never a secret.
    """

    code: ClassVar[str] = "hugflow-error"
    exit_status: ClassVar[int] = REQUEST_AT_FAULT
    transient: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        shown = f"[{self.code}] {self.message}"
        return f"{shown} {self.remedy}" if self.remedy else shown

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process borders (landing workers), keyword arguments included.
        return _rebuild, (type(self), self.message, self.remedy, self.details)


def _rebuild(kind: type[HugflowError], message: str, remedy: str, details: dict[str, Any]) -> HugflowError:
    return kind(message, remedy=remedy, **details)


def told_error(code: str, message: str, remedy: str = "") -> HugflowError:
    """An error as an event or a result tells it, under its own name where that is known."""
    kinds: list[type[HugflowError]] = [HugflowError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((one for one in kinds if one.code == code), HugflowError)(message, remedy=remedy)


# ---- what people ask for


class RequestInvalidError(HugflowError):
    """A request file that cannot be read as a request; ``details["problems"]`` lists every problem."""

    code = "request-invalid"


class UnknownDatasetError(HugflowError):
    """A name (partition key, argument of the CLI) that no request and no landed dataset has."""

    code = "unknown-dataset"


class DuplicateRequestError(HugflowError):
    """Two requests ask for the same data, or for names that one folder cannot hold apart."""

    code = "request-duplicate"


class RemovalInForceError(HugflowError):
    """A removal request withdraws this dataset; it does not land while that file is there."""

    code = "removal-in-force"


class RequestSourceError(HugflowError):
    """The folder or the git branch of requests cannot be read at all."""

    code = "request-source-unreadable"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


# ---- the Hub


class HFError(HugflowError):
    """The base of everything the Hub can answer or fail to answer."""

    code = "hub-error"


class HFNotFoundError(HFError):
    """No such repository, or a private one that the token has no access to (the Hub does not tell which)."""

    code = "hub-not-found"


class HFGoneError(HFNotFoundError):
    """The repository was there once (the Hub says so, or we hold a landing of it) and is no longer."""

    code = "hub-gone"


class HFGatedError(HFError):
    """The terms of the repository have not been accepted with this token's account."""

    code = "hub-gated"
    transient = True


class HFDisabledError(HFError):
    """The Hub has disabled access to the repository for everyone."""

    code = "hub-disabled"


class HFTokenError(HFError):
    """The Hub refuses the token itself: wrong, expired or revoked."""

    code = "hub-token-invalid"
    exit_status = ENVIRONMENT_AT_FAULT


class HFRevisionNotFoundError(HFError):
    """The repository has no such branch, tag or commit."""

    code = "hub-revision-not-found"


class HFSubsetNotFoundError(HFError):
    """The repository has no such subset (config); the message names those that exist, nearest first."""

    code = "hub-subset-not-found"


class HFSplitNotFoundError(HFError):
    """The repository has no such split; the message names those that exist, nearest first."""

    code = "hub-split-not-found"


class HFIdSpellingError(HFError):
    """The id is spelt otherwise than the Hub spells it (case, or the old name of a renamed repository)."""

    code = "hub-id-spelling"


class HFUnreachableError(HFError):
    """No answer from the Hub: refused, timed out, reset, or 5xx after every retry."""

    code = "hub-unreachable"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class HFRateLimitedError(HFError):
    """The Hub answered 429 until the retries were used up."""

    code = "hub-rate-limited"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class HFDownloadError(HFError):
    """A file of the repository could not be fetched."""

    code = "hub-download-failed"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class PlanTimedOutError(HFError):
    """A plan took longer than one may; what the Hub has listed is kept, and the next try goes on from there."""

    code = "plan-timed-out"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class HFIntegrityError(HFDownloadError):
    """A file arrived twice with other bytes than the Hub's own hash promises; nothing of it was landed."""

    code = "hub-hash-mismatch"


# ---- what lands


class UnsupportedShapeError(HugflowError):
    """The repository's files are laid out in a way that Hugflow does not land."""

    code = "shape-unsupported"


class ColumnNotFoundError(HugflowError):
    """``audio_column`` or ``text_column`` names a column that the dataset does not have."""

    code = "column-not-found"


class BadSourceError(HugflowError):
    """A source file is not what its name says (not parquet, cut off, hostile archive)."""

    code = "source-unreadable"


class IncompleteLandingError(HugflowError):
    """Counts or hashes do not agree at the end of a landing; nothing was published."""

    code = "landing-incomplete"


class NothingLandedError(HugflowError):
    """The repository holds audio and none of it, or no row, would land; nothing was published."""

    code = "nothing-landed"


class LandingCancelledError(HugflowError):
    """The landing was stopped on purpose; what is staged is kept and a later run resumes."""

    code = "landing-cancelled"


class HeldBackError(HugflowError):
    """Somebody paused the dataset, or cancelled this very request; it lands when it is resumed."""

    code = "landing-held"


class NoLongerWantedError(LandingCancelledError):
    """The request was withdrawn while its data were landing; nothing was published."""

    code = "landing-withdrawn"


# ---- the storage


class QuotaExceededError(HugflowError):
    """The landing does not fit into the quota, the free-space reserve or the inode limit."""

    code = "quota-exceeded"
    transient = True


class DiskFullError(HugflowError):
    """The file system has no space or no inodes left; what is staged is kept and a later run resumes."""

    code = "disk-full"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class StorageError(HugflowError):
    """The storage root or the state folder cannot be used (missing, read-only, no permission)."""

    code = "storage-unusable"
    exit_status = ENVIRONMENT_AT_FAULT


class GroupUnusableError(HugflowError):
    """A dataset cannot be given to the group that is to read it."""

    code = "group-unusable"
    exit_status = ENVIRONMENT_AT_FAULT


class UnguardedDataError(HugflowError):
    """Gated or private data would be readable for everyone on the storage; nothing lands."""

    code = "gated-unguarded"


class LeaseHeldError(HugflowError):
    """Another run is at work on the same name."""

    code = "lease-held"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class LeaseLostError(HugflowError):
    """Our lease was taken over (we were silent too long); the run stops before it changes anything visible."""

    code = "lease-lost"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class ManifestError(HugflowError):
    """A ``hugflow.json`` that cannot be read, or that a newer Hugflow wrote."""

    code = "manifest-unreadable"


class LockRefusedError(HugflowError):
    """A lock cannot be read or trusted, or what would land is not what it says; nothing was published."""

    code = "lock-refused"


class WithdrawalRefusedError(HugflowError):
    """Rows cannot be withdrawn as it was asked; nothing was changed."""

    code = "withdrawal-refused"


class FollowingEndedError(HugflowError):
    """The landing that a reader follows is gone: removed, replaced by another version, or nobody is at work on it."""

    code = "following-ended"
    exit_status = ENVIRONMENT_AT_FAULT


class ExportRefusedError(HugflowError):
    """What was asked for cannot be written from this dataset, or not to that place. Nothing was written."""

    code = "export-refused"


class DamagedDatasetError(HugflowError):
    """Files of a landed dataset are missing or differ from their recorded hashes."""

    code = "dataset-damaged"


# ---- settings and delivery


class SettingsError(HugflowError):
    """A setting has a value that is not allowed; the message names the variable and what is."""

    code = "settings-invalid"
    exit_status = ENVIRONMENT_AT_FAULT


class DeliveryError(HugflowError):
    """Slack or GitHub did not take a message; it stays in the log and is delivered later."""

    code = "delivery-failed"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class UnexpectedError(HugflowError):
    """Nothing that has a name here: a fault of Hugflow's own, or of the machine. The traceback is in the run's log."""

    code = "unexpected"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True

    @classmethod
    def of(cls, error: Exception) -> HugflowError:
        """An error under its name: as it is where it has one, so that those who asked hear of every other one too."""
        if isinstance(error, HugflowError):
            return error
        said = " ".join(str(error).split())[:300]
        return cls(
            f"{type(error).__name__}: {said}" if said else type(error).__name__,
            remedy="Report it with the traceback in the run's log; it is tried again by itself.",
        )


class RunDiedError(HugflowError):
    """A run that ended without saying why: its process was killed, or Dagster could not start it."""

    code = "run-died"
    exit_status = ENVIRONMENT_AT_FAULT
    transient = True


class DemoFailedError(HugflowError):
    """The demo did not come to its end; the message says at which step and what that step said."""

    code = "demo-failed"
    exit_status = ENVIRONMENT_AT_FAULT
