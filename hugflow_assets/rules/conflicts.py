"""Requests that cannot stand beside each other, seen from their text alone, without the Hub and the storage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from hugflow_assets.intake import AddFile, DatasetRequest, RemovalRequest, RemoveFile, RequestSnapshot, matches
from hugflow_assets.intake.models import Frozen


class Conflict(Frozen):
    """Two or more add files that ask for the same data, or for names that one folder cannot hold apart.

    ``kind`` is ``same-name``, ``same-folder`` (names equal but for case) or ``held-by-whole``. In
    ``held-by-whole`` the first path is the wider request.
    """

    kind: str
    paths: tuple[str, ...]
    names: tuple[str, ...]
    message: str
    remedy: str


def conflicts(snapshot: RequestSnapshot, *, hf_id: str | None = None) -> list[Conflict]:
    """Every conflict among the requests that are not withdrawn, in order of path; of one repository, if given."""
    fold = None if hf_id is None else hf_id.casefold()
    adds = [one for one in snapshot.adds if fold is None or one.request.hf_id.casefold() == fold]
    adds = _standing(adds, snapshot.removals)
    return sorted([*_same_name(adds), *_same_folder(adds), *_held_by_whole(adds)], key=lambda one: one.paths)


def conflicts_of(snapshot: RequestSnapshot, file: AddFile) -> list[Conflict]:
    """The conflicts that a request takes part in; in ``held-by-whole`` that is the narrower one."""
    return [one for one in conflicts(snapshot, hf_id=file.request.hf_id) if file.name in one.names]


def _standing(adds: list[AddFile], removals: Iterable[RemoveFile]) -> list[AddFile]:
    """The requests that no removal withdraws; thousands of either are compared by repository."""
    against: dict[str, list[RemovalRequest]] = defaultdict(list)
    for one in removals:
        against[one.request.hf_id].append(one.request)
    return [
        one for one in adds if not any(matches(removal, one.request) for removal in against.get(one.request.hf_id, ()))
    ]


def holds(wider: DatasetRequest, narrower: DatasetRequest) -> bool:
    """Whether one request, as written, asks for everything that another one does; equal selections included."""
    return all(
        given is None or given == asked
        for given, asked in ((wider.subset, narrower.subset), (wider.split, narrower.split))
    )


def _same_name(adds: Iterable[AddFile]) -> Iterator[Conflict]:
    for name, files in _grouped(adds, lambda one: one.name).items():
        if len(files) > 1:
            paths = tuple(one.path for one in files)
            yield Conflict(
                kind="same-name",
                paths=paths,
                names=(name,),
                message=f"{_and(paths)} ask for the same dataset, {name}; {paths[0]} is the one that counts.",
                remedy="Keep one of them.",
            )


def _same_folder(adds: Iterable[AddFile]) -> Iterator[Conflict]:
    for files in _grouped(adds, lambda one: one.name.casefold()).values():
        names = tuple(dict.fromkeys(one.name for one in files))
        if len(names) > 1:
            paths = tuple(one.path for one in files)
            yield Conflict(
                kind="same-folder",
                paths=paths,
                names=names,
                message=f"{_and(paths)} ask for names that differ in case only ({_and(names)}); "
                "one folder cannot hold them apart everywhere.",
                remedy="Spell the id, subset, split and revision as the Hub does, and keep one of them.",
            )


def _held_by_whole(adds: Iterable[AddFile]) -> Iterator[Conflict]:
    """Wider and narrower requests of one repository and revision. Equal ones are the business of the names."""
    groups = _grouped(adds, lambda one: f"{one.request.hf_id.casefold()}@{one.request.revision}")
    for files in groups.values():
        for narrow in files:
            for wide in files:
                if wide.name.casefold() != narrow.name.casefold() and holds(wide.request, narrow.request):
                    yield Conflict(
                        kind="held-by-whole",
                        paths=(wide.path, narrow.path),
                        names=(narrow.name,),
                        message=f"{narrow.path} asks for a part of what {wide.path} asks for ({wide.name}).",
                        remedy=f"Keep one of them: {wide.path} brings everything.",
                    )


def _grouped(adds: Iterable[AddFile], key: Callable[[AddFile], str]) -> dict[str, list[AddFile]]:
    groups: dict[str, list[AddFile]] = defaultdict(list)
    for one in adds:
        groups[key(one)].append(one)
    return groups


def _and(words: tuple[str, ...]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
