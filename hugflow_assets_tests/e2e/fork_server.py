"""Processes that land, made cheaply: one that has everything imported forks a child for each landing.

    with ForkServer() as server:
        child = server.start(url, folder, kill_at=120)   # killed by its own hand at its 120th act on files or sockets
        child.signal(signal.SIGKILL); child.ended()

With ``operation`` it does what ``operations`` has under that name, its ``acts`` counted and one interrupted.
With ``act`` it does in a whole project what the command of that name does, and only acts below ``folder`` count.

Every child is waited for by the server that forked it, so that no signal can meet another process of the same number.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from traceback import format_tb
from typing import Any, cast

from hugflow_assets.planning.resolve import resolve
from hugflow_assets_tests.processes import unmeasured

REPO = "org/speech"
_ACTS = ("open", "os.", "socket.connect", "shutil.")


@dataclass
class ForkServer:
    """The parent of the landings; ``start`` one at a time. ``imports``: modules that every child needs at once."""

    imports: tuple[str, ...] = (
        "huggingface_hub.hf_api",
        "pyarrow.parquet",
        "hugflow_assets.landing.land",
        "hugflow_assets.planning.plan",
        "hugflow_assets.shapes.registry",
    )
    process: subprocess.Popen[bytes] = field(init=False)
    _told: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> ForkServer:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, *self.imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=unmeasured(),
        )
        assert self.told(120) == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    def start(self, url: str, folder: Path, **how: Any) -> Child:
        self.say(json.dumps({"url": url, "folder": str(folder), **how}))
        return Child(self)

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    def told(self, seconds: float) -> str | None:
        """The next line of the server; None when there is none within that time."""
        assert self.process.stdout is not None
        bound = time.monotonic() + seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._told:
                if not waiting.select(max(0.0, bound - time.monotonic())):
                    return None
                data = os.read(self.process.stdout.fileno(), 4096)
                assert data, "the fork server died"
                self._told += data
        line, _, rest = bytes(self._told).partition(b"\n")
        self._told = bytearray(rest)
        return line.decode()


@dataclass
class Child:
    """One landing in a process of its own."""

    server: ForkServer
    result: dict[str, Any] | None = None

    def ended(self, seconds: float = 60) -> bool:
        """Whether it has ended, or does within that time; ``result`` says how then."""
        if self.result is None and (line := self.server.told(seconds)) is not None:
            self.result = json.loads(line)
        return self.result is not None

    def signal(self, number: signal.Signals) -> None:
        if self.result is None:
            self.server.say(str(int(number)))

    @property
    def killed(self) -> bool:
        assert self.result is not None
        return bool(self.result["killed"])


def main() -> None:
    """Fork a child for each line of stdin; while one lives, a line is the number of a signal for it."""
    for module in sys.argv[1:]:
        import_module(module)
    print("ready", flush=True)
    while line := cast("Any", sys.stdin.buffer).raw.readline():
        if isinstance(asked := json.loads(line), dict):  # a number: a signal for a child that had ended by itself
            _supervise(asked)


def _supervise(asked: dict[str, Any]) -> None:
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(readable)
        _child(asked, writable)
    os.close(writable)
    ended = os.pidfd_open(pid)
    with selectors.DefaultSelector() as waiting, os.fdopen(readable, "rb") as said:
        waiting.register(ended, selectors.EVENT_READ)
        waiting.register(0, selectors.EVENT_READ)
        while not any(key.fd == ended for key, _ in waiting.select()):
            number = cast("Any", sys.stdin.buffer).raw.readline()
            if not number:
                waiting.unregister(0)
                number = b"9"
            os.kill(pid, int(number))
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        told = said.read()
    result = json.loads(told) if told else {}
    print(json.dumps({**result, "killed": os.WIFSIGNALED(status)}), flush=True)


def _child(asked: dict[str, Any], out: int) -> None:
    try:
        if "operation" in asked:
            from hugflow_assets_tests.e2e.acts import Acts
            from hugflow_assets_tests.e2e.operations import operate

            watched = Acts(**asked.pop("acts"))
            watched.watch()
            os.write(out, json.dumps({**operate(asked), "acts": watched.count}).encode())
            os._exit(0)
        acts = _count_acts(asked.get("kill_at"), asked["folder"] if "act" in asked else None)
        told = _act(asked) if "act" in asked else _withdraw(asked) if "withdraw" in asked else _land(asked)
        os.write(out, json.dumps({**told, "acts": acts()}).encode())
    except BaseException as error:  # noqa: BLE001  the parent is to know
        os.write(
            out,
            json.dumps(
                {"error": f"{type(error).__name__}: {error}", "at": format_tb(error.__traceback__)[-4:]}
            ).encode(),
        )
        os._exit(1)
    os._exit(0)


def _count_acts(kill_at: int | None, below: str | None) -> Any:
    """Count what the interpreter does with files and sockets, and kill this process at the given number.

    ``below``: only what it does with files of this folder, or relative to an open one.
    """
    count = 0

    def hook(event: str, told: tuple[object, ...]) -> None:
        nonlocal count
        if event.startswith(_ACTS) and (below is None or _is_below(told, below)):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return lambda: count


def _is_below(told: tuple[object, ...], folder: str) -> bool:
    if not told or not isinstance(told[0], str | bytes | os.PathLike):
        return False
    path = os.fsdecode(told[0])
    return not path.startswith("/") or path.startswith(folder)


def _act(asked: dict[str, Any]) -> dict[str, Any]:
    os.environ.update(HUGFLOW_PROJECT_DIR=asked["folder"], HF_ENDPOINT=asked["url"])
    from dagster import DagsterInstance

    from hugflow_assets.errors import HugflowError
    from hugflow_assets.orchestration.assets.platform import Platform
    from hugflow_assets.orchestration.sync.one_dataset import materialize, restore
    from hugflow_assets.orchestration.sync.run_here import sync

    acts: dict[str, Callable[[DagsterInstance], object]] = {
        "sync": lambda instance: sync(instance=instance),
        "update": lambda instance: materialize([asked["name"]], update=True, instance=instance),
        "restore": lambda instance: restore(asked["name"], instance=instance),
        "empty-trash": lambda _: Platform().store().empty_trash(0),
    }
    with DagsterInstance.ephemeral() as instance:
        try:
            acts[asked["act"]](instance)
        except HugflowError as error:
            return {"code": error.code}
    return {}


def _withdraw(asked: dict[str, Any]) -> dict[str, Any]:
    from hugflow_assets.landing.withdraw import withdraw_values
    from hugflow_assets.store import Store, WithdrawnValues

    folder, ids = Path(asked["folder"]), tuple(asked["withdraw"])
    values = WithdrawnValues(column="id", ids=ids, reason="asked to", at="2026-01-01T00:00:00Z")
    _, rows = withdraw_values(Store(folder / "storage", folder / "state"), asked["name"], values)
    return {"rows": rows}


def _land(asked: dict[str, Any]) -> dict[str, Any]:
    from hugflow_assets.errors import HugflowError
    from hugflow_assets.hub import Hub, HubAccess
    from hugflow_assets.intake import DatasetRequest
    from hugflow_assets.landing.land import land
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.store import Store

    access = HubAccess(asked["url"], retries=1, backoff_s=0.01)
    folder = Path(asked["folder"])
    how = {name: asked[name] for name in ("lease_ttl_s", "host") if name in asked}
    store = Store(folder / "storage", folder / "state", **how)
    try:
        request = DatasetRequest(hf_id=REPO, **{"description": "Speech.", **asked.get("request", {})})
        plan = resolve(Hub(access), request)
        options = LandingOptions(workers=2, progress_interval_s=0.02, download_mode=asked.get("download_mode", "auto"))
        done = land(plan, store, access, options)
    except HugflowError as error:
        return {"error": str(error), "code": error.code}
    return {"action": done.action.value, "bytes_fetched": done.bytes_fetched}


if __name__ == "__main__":
    main()
