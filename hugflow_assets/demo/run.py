"""The demo, step by step: a Hub, a request, a landing, and what lies on the disk afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from dotenv import dotenv_values
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from hugflow_assets.demo import showing
from hugflow_assets.demo.landing_run import Landing, LandingRun, with_known_verdicts
from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.project import DemoProject
from hugflow_assets.demo.speech import LICENSE, REPO_ID, speech_repo
from hugflow_assets.durable import locked
from hugflow_assets.errors import DemoFailedError, SettingsError
from hugflow_assets.settings import project_root
from hugflow_assets.store import Manifest, Store

FOLDER = ".demo"
PORT = 8642
DROP_A_REQUEST = "cp hugflow_assets/demo/requests/add/demo-speech-clean.yaml requests/add/"
_TURN_S = 120.0
_PIPE_WIDTH = 120


def run_demo(folder: Path | None = None, *, port: int = PORT, console: Console | None = None) -> list[Landing]:
    """Land the demo's dataset from a local Hub through the real path, and show everything on the way.

    A second run finds it landed, says that there is nothing to do, and shows the same.

    Args:
        folder: the demo's project folder; ``.demo`` of this project by default.
        port: where its Hub listens; another one when this is taken. 0: any.
    Returns:
        What became of each of the demo's request files.
    Raises:
        DemoFailedError: a step failed; the message says which and why.
        StorageError: the folder cannot be written.
    """
    began = time.monotonic()
    console = console or _console()
    project = _project(folder)
    _introduce(console, project)
    with _hub(project, port, console) as hub, locked(project.lock(), timeout_s=_TURN_S):
        _step(console, "Landing", "hugflow sync: the sensor finds the requests, each becomes a partition and a run")
        landings = LandingRun(project, hub.url).land(console)
        idle = not any(one.verdicts for one in landings)
        landings = with_known_verdicts(project.folder / ".hub" / "verdicts.json", landings)
        _show(console, project, landings, idle=idle)
    _conclude(console, project, time.monotonic() - began)
    return landings


def serve_demo(
    folder: Path | None = None,
    *,
    port: int = PORT,
    console: Console | None = None,
    until: threading.Event | None = None,
) -> None:
    """Run the demo's Hub until Ctrl-C (or until an event), so that any Hub client can be pointed at it.

    Args:
        folder, port: as for ``run_demo``.
    Raises:
        StorageError: the folder cannot be written.
    """
    console = console or _console()
    with _hub(_project(folder), port, console) as hub:
        console.print(f"The Hub is at {hub.url} with {REPO_ID}. Ctrl-C ends it. A client is pointed at it by")
        console.print(f"  export HF_ENDPOINT={hub.url}", highlight=False)
        console.print("and `make up DEMO=1` runs Dagster with a Hub of its own like this one.")
        try:
            (until or threading.Event()).wait()
        except KeyboardInterrupt:
            console.print("The Hub has ended.")


def run_with_hub(
    command: Sequence[str], folder: Path | None = None, *, port: int = PORT, console: Console | None = None
) -> int:
    """Run a command, Dagster say, that is pointed at the demo's Hub, for as long as it takes; its exit status.

    Args:
        folder, port: as for ``run_demo``.
    Raises:
        StorageError: the folder cannot be written.
        SettingsError: .env names a Hub; what Dagster starts would ask that one.
    """
    root = project_root()
    if named := dotenv_values(root / ".env", encoding="utf-8-sig").get("HF_ENDPOINT"):
        raise SettingsError(
            f"{root / '.env'} sets HF_ENDPOINT={named}, which Dagster would ask instead of the demo's Hub.",
            remedy="Comment that line out, or run `make up` without DEMO.",
        )
    console = console or _console()
    with _hub(_project(folder), port, console) as hub:
        console.print("In another terminal, and it is in the UI and in datasets/ within a minute:")
        console.print(f"  {DROP_A_REQUEST}", highlight=False)
        process = subprocess.Popen(list(command), cwd=root, env={**os.environ, "HF_ENDPOINT": hub.url})
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the command has it as well, and ends by itself
                continue


def _console() -> Console:
    return Console(highlight=False) if sys.stdout.isatty() else Console(width=_PIPE_WIDTH, highlight=False)


def _project(folder: Path | None) -> DemoProject:
    return DemoProject((folder or project_root() / FOLDER).expanduser().resolve())


def _introduce(console: Console, project: DemoProject) -> None:
    console.print(
        Text.assemble(("Hugflow demo", "bold"), ": from a request to verified data on disk, without the internet.")
    )
    console.print("A Hub is started on this machine and holds a small speech dataset; two request files ask for it.")
    console.print(f"Dagster lands what they ask for in {project.folder}, a project of its own.")


@contextmanager
def _hub(project: DemoProject, port: int, console: Console) -> Iterator[LocalHub]:
    """The running Hub with the demo's repository, and the project made ready for it."""
    with LocalHub(port=_free(port)) as hub:
        project.prepare(hub.url)
        with locked(project.lock(), timeout_s=_TURN_S), console.status("making the dataset"):
            try:
                files = speech_repo(project.hub_files)
            except ImportError as error:
                raise DemoFailedError(
                    f"The demo encodes its own audio and needs a package that is not installed ({error.name}).",
                    remedy='Install it with `pip install "hugflow[demo]"`, or `make install`.',
                ) from error
        commit = hub.add_repo(REPO_ID, files, license=LICENSE)
        _step(console, "Hub", f"{hub.url} holds {REPO_ID} at {commit[:8]}: {len(files) - 1} parquet shards")
        yield hub


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _show(console: Console, project: DemoProject, landings: list[Landing], *, idle: bool) -> None:
    store = Store(project.storage_root, project.state_dir)
    if idle:
        console.print("  Nothing to do: what is asked for is landed. This is what landing it gave:")
    _step(console, "Checks", "every rule, before a byte of data was fetched and after it had landed")
    for number, one in enumerate(landings, start=1):
        console.print(f"  [{number}] {one.path} -> {one.name}: {one.state}", markup=False)
    console.print(showing.checks(landings))
    _step(console, "On disk", str(project.storage_root))
    for one in landings:
        console.print(showing.tree(store.layout.dataset(one.name), _manifest(store, one.name)))
    first = landings[0].name
    row = showing.first_row(store.layout.dataset(first), _manifest(store, first))
    if row is not None:
        _step(console, "One row", f"{first}/{row[0]}")
        console.print(row[1])


def _manifest(store: Store, name: str) -> Manifest:
    manifest = store.manifest(name)
    if manifest is None:
        raise DemoFailedError(f"{name} is said to have landed, and {store.layout.dataset(name)} has no hugflow.json.")
    return manifest


def _conclude(console: Console, project: DemoProject, elapsed_s: float) -> None:
    console.print(Rule(style="dim"))
    console.print(f"Done in {elapsed_s:.1f} s. In the UI, with runs, checks and lineage:")
    command = f"cd {quote(str(project.folder))} && DAGSTER_HOME={quote(str(project.dagster_home))}"
    console.print(f"  {command} {quote(_beside_python('dagster'))} dev", soft_wrap=True, markup=False)
    console.print("Its Hub runs only as long as the demo; to land again from the UI, start it in another terminal:")
    console.print(f"  {quote(_beside_python('hugflow'))} demo --serve", soft_wrap=True, markup=False)


def _beside_python(command: str) -> str:
    """A command as it runs without an activated environment: by its path beside this Python, if it is there."""
    path = Path(sys.executable).with_name(command)
    return str(path) if path.is_file() else command


def _step(console: Console, title: str, text: str) -> None:
    console.print()
    console.print(Text.assemble((f"{title}  ", "bold cyan"), text), soft_wrap=True)
