"""The Hub's client for Xet storage, watched: a session with little patience, and the bytes of one file out of it.

By itself the client waits for minutes where storage does not answer, and hears no signal meanwhile. So a thread reads
from it, and who waits for the bytes gives up after seconds.
"""

from __future__ import annotations

import atexit
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from hugflow_assets.hub.models import SourceFile

FRESH_S = 60.0  # a token is taken anew so long before it expires
_TICK_S = 0.2
_LEAVE_S = 0.5
_MEMORY_BYTES = 256 << 20  # that the client may hold of files on their way; less, and it has too few connections
_CONNECTIONS = 4  # of the client's, each of which holds a whole piece of up to 64 MiB besides


class XetFailedError(Exception):
    """Xet storage does not give the bytes; why is said in words without a link or token in them."""


class XetAgainError(XetFailedError):
    """It can be tried again at once: the token is good no longer, or the client was ended for another file's sake."""


@dataclass(frozen=True)
class XetToken:
    """Leave to read from the storage at ``url`` until ``expires`` (seconds since 1970)."""

    url: str
    token: str = field(repr=False)
    expires: float


@lru_cache(maxsize=1)
def client_library() -> Any:
    """The module ``hf_xet``, kept from logging and from making folders in the user's home.

    It opens its log, which quotes signed links, when it is imported, and makes a folder even where it keeps nothing.
    Its own variables can name a place for both.

    Raises:
        ImportError: it is not installed, or not for this machine. OSError: there is no place for temporary files.
    """
    os.environ.setdefault("HF_XET_LOG_DEST", os.devnull)
    if "HF_XET_CACHE" not in os.environ:
        folder = TemporaryDirectory(prefix="hugflow-xet-")
        atexit.register(folder.cleanup)
        os.environ["HF_XET_CACHE"] = folder.name
    import hf_xet

    return hf_xet


class XetClient:
    """A session of the client library: impatient, without telemetry, within bounds of memory."""

    def __init__(self, connect_s: float, silence_s: float) -> None:
        self.is_ended = False
        hf_xet = client_library()
        config = hf_xet.XetConfig().with_config(
            {
                "telemetry.enabled": False,
                "client.connect_timeout": timedelta(seconds=connect_s),
                "client.read_timeout": timedelta(seconds=silence_s),
                "client.ac_max_download_concurrency": _CONNECTIONS,
                "client.retry_max_attempts": 1,
                "client.retry_base_delay": timedelta(milliseconds=200),
                "reconstruction.download_buffer_size": _MEMORY_BYTES // 2,
                "reconstruction.download_buffer_perfile_size": _MEMORY_BYTES // 4,
                "reconstruction.download_buffer_limit": _MEMORY_BYTES,
                "reconstruction.min_prefetch_buffer": _MEMORY_BYTES // 2,
            }
        )
        self._session = hf_xet.XetSession(config)

    def stream(self, token: XetToken, file: SourceFile, start: int) -> tuple[Any, Any]:
        """A group of streams, and the one stream in it that gives the rest of a file."""
        group = self._session.new_download_stream_group(
            endpoint=token.url, token=token.token, token_expiry_unix_secs=int(token.expires)
        )
        info = client_library().XetFileInfo(file.xet_hash, file.size_bytes)
        return group, group.download_stream(info, start=start, end=file.size_bytes)

    def end(self) -> None:
        """End all that it does and give back its memory; only this ends a connection at once."""
        was_ended, self.is_ended = self.is_ended, True
        if was_ended:
            return  # it would say so on standard error
        with suppress(Exception):
            self._session.sigint_abort()


class XetBody:
    """The bytes of one file in order, read from the client by a thread of its own. Close it whatever happened."""

    def __init__(
        self,
        client: XetClient,
        group: Any,
        stream: Any,
        expires: float,
        patience_s: float,
        stop_if_asked: Callable[[], None],
    ) -> None:
        self._client, self._group, self._stream, self._expires = client, group, stream, expires
        self._patience_s, self._stop_if_asked = patience_s, stop_if_asked
        self._changed = threading.Condition()
        self._next: memoryview | None = None
        self._rest = memoryview(b"")
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="xet", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if not self._ended:
            self._group.abort()  # a thread that waits in the client comes back, but not if bytes still trickle
            self._thread.join(_LEAVE_S)
        if self._thread.is_alive():
            self._client.end()
            self._thread.join(_LEAVE_S)

    def read_into(self, room: memoryview) -> int:
        """Fill the beginning of ``room``: how much of it; 0 when there is no more.

        Raises:
            XetFailedError: the storage failed, or was silent for too long.
        """
        if not self._rest:
            self._rest = self._wait()
        count = min(len(self._rest), len(room))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def has_more(self) -> bool:
        """Never: it was asked for no more than is in the file."""
        return False

    def _wait(self) -> memoryview:
        until = time.monotonic() + self._patience_s
        with self._changed:
            while self._next is None and not self._ended:
                if time.monotonic() > until:
                    raise XetFailedError(f"nothing came for {self._patience_s:.0f} s")
                self._changed.wait(_TICK_S)
                self._stop_if_asked()
            if self._next is None and self._error is not None:
                is_old = self._client.is_ended or time.time() >= self._expires
                kind = XetAgainError if is_old else XetFailedError
                raise kind(words(self._error)) from None
            piece, self._next = self._next or memoryview(b""), None
            self._changed.notify_all()
        return piece

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for piece in self._stream:
                with self._changed:
                    self._changed.wait_for(lambda: self._next is None or self._closed)
                    if self._closed:
                        return
                    self._next = memoryview(piece)
                    self._changed.notify_all()
        except BaseException as raised:  # noqa: BLE001  it is the reader's to raise; a panic of the library's is one
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()


def words(error: BaseException) -> str:
    """What the client says, its links (which are signed) cut down to the host."""
    said = re.sub(r"(\w+://[^\s/)\"']*)[^\s)\"']*", r"\1", " ".join(str(error).split()))[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
