"""What became of each request file, as ``hugflow sync`` reports it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from hugflow_assets.errors import DuplicateRequestError, RemovalInForceError, RequestInvalidError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.sync.run_outcome import Outcome
from hugflow_assets.rules import Verdict, idle_removals
from hugflow_assets.store import Store
from hugflow_assets.store.marks import Hold
from hugflow_assets.store.models import Landed


class SyncResult(Frozen):
    """What became of one request file.

    ``action``: what was done (``no-op``, ``land``, ``views``, ``description``, ``repair``, ``update``, ``remove``,
    ``none`` when nothing could be). ``state``: ``landed``, ``landing`` (by another run), ``held`` (by hand),
    ``removed``, ``withdrawn``, ``failed`` or ``malformed``. ``bytes`` are those that lie on the storage. ``run_id``
    finds it in the UI.
    """

    name: str
    path: str
    action: str
    state: str
    verdicts: tuple[Verdict, ...] = ()
    bytes: int = 0
    seconds: float = 0.0
    error_code: str = ""
    message: str = ""
    remedy: str = ""
    transient: bool = False
    run_id: str = ""


def files_of(snapshot: RequestSnapshot) -> list[AddFile | RemoveFile]:
    """Every request file that can be read."""
    return [*snapshot.adds, *snapshot.removals]


def key_of(file: AddFile | RemoveFile) -> str:
    """The partition key that a file stands for."""
    return file.name if isinstance(file, AddFile) else file.key


def chosen_of(snapshot: RequestSnapshot, names: Collection[str] | None) -> frozenset[str] | None:
    """Names, keys and paths as names and keys. What is not among the files is left to ``malformed`` or unknown."""
    if names is None:
        return None
    wanted = set(names)
    return frozenset(key_of(file) for file in files_of(snapshot) if {key_of(file), file.path} & wanted)


def result_of(file: AddFile | RemoveFile, outcome: Outcome | None, snapshot: RequestSnapshot) -> SyncResult:
    """What a file's run did, or, where none was needed or possible, how things stand."""
    name, platform = key_of(file), Platform()
    landed = platform.store().index.landed().get(name)
    result = SyncResult(
        name=name, path=file.path, action="none", state="failed", bytes=landed.size_bytes if landed else 0
    )
    if outcome is not None:
        state = "failed" if outcome.error_code else "landed" if isinstance(file, AddFile) else "removed"
        found = {"state": state, **outcome.model_dump(exclude={"verdicts"}), "verdicts": outcome.verdicts}
    elif isinstance(file, RemoveFile):
        found = _without_removal(file, snapshot, platform.store())
    else:
        found = _without_run(file, snapshot, platform.store().holds.read(name), landed)
    return result.model_copy(update=found)


def _without_removal(file: RemoveFile, snapshot: RequestSnapshot, store: Store) -> dict[str, object]:
    """How things stand with a removal for which there was no run."""
    for one in idle_removals(snapshot.model_copy(update={"removals": (file,)}), store):
        if one.verdict.blocks:
            return {
                "verdicts": (one.verdict,),
                "error_code": one.verdict.code,
                "message": one.verdict.message,
                "remedy": one.verdict.remedy,
            }
    return {"action": "no-op", "state": "removed", "message": "nothing left to remove"}


def _without_run(
    file: AddFile, snapshot: RequestSnapshot, hold: Hold | None, landed: Landed | None
) -> dict[str, object]:
    """How things stand with a request for which there was no run: the first reason that holds."""
    if withdrawn := snapshot.removals_of(file.request):
        return {"action": "no-op", "state": "withdrawn", "message": f"withdrawn by {withdrawn[0].path}"}
    counts = snapshot.add(key_of(file))
    if counts is not None and counts.path != file.path:
        return {
            "error_code": DuplicateRequestError.code,
            "message": f"{counts.path} asks for the same dataset and is the one that counts.",
            "remedy": "Keep one of them.",
        }
    if hold is not None and hold.holds(file.request):
        message = f"{hold.held.value}{f' by {hold.by}' if hold.by else ''} on {hold.at[:16]}"
        remedy = f"`hugflow resume {key_of(file)}` goes on."
        return {"action": "no-op", "state": "held", "message": message, "remedy": remedy}
    if landed is None and (unread := snapshot.might_withdraw(file.request)):
        paths = ", ".join(one.path for one in unread)
        return {
            "error_code": RemovalInForceError.code,
            "message": f"{paths} cannot be read and could withdraw it; nothing new lands against it.",
            "remedy": f"Correct or delete {paths}.",
        }
    if landed is not None and landed.asked == file.request:
        return {"action": "no-op", "state": "landed", "message": "as requested; nothing to do"}
    return {"state": "landing", "message": "another run is at work on it", "transient": True}


class Results:
    """Results as they become known, by path; each is given on at once."""

    def __init__(self, on_result: Callable[[SyncResult], None] | None) -> None:
        self._on_result = on_result
        self._by_path: dict[str, SyncResult] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __len__(self) -> int:
        return len(self._by_path)

    def add(self, result: SyncResult) -> None:
        """One more."""
        self._by_path[result.path] = result
        if self._on_result is not None:
            self._on_result(result)

    def all(self) -> list[SyncResult]:
        """In order of path."""
        return sorted(self._by_path.values(), key=lambda one: one.path)


def malformed(snapshot: RequestSnapshot, names: Collection[str] | None) -> list[SyncResult]:
    """A result for each file that cannot be read."""
    by_path: dict[str, list[str]] = {}
    for problem in snapshot.problems:
        if names is None or problem.path in names:
            by_path.setdefault(problem.path, []).append(str(problem))
    return [
        SyncResult(
            name="",
            path=path,
            action="none",
            state="malformed",
            error_code=RequestInvalidError.code,
            message="; ".join(problems),
            remedy="Correct the file.",
        )
        for path, problems in by_path.items()
    ]
