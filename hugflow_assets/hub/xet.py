"""Bytes of a file straight from Xet storage, by the Hub's own client for it; plain HTTP is what is left without it.

Xet keeps a file as pieces of a few large objects and gives many of them at once, so one file is fetched over several
connections. From anywhere inside a file it goes on by a range of bytes, and ends with the same hash as by plain HTTP.

It takes twice the processor's time of plain HTTP, and memory for every connection. So files come by plain HTTP, and
the rest of a large one by Xet where a connection is seen to be slow and there are too few files under way to make up
for it by their number; one at a time (``XET=auto``; the figures are in ``benchmarks/NOTES.md``).

The client waits for minutes where storage does not answer, so it is watched from here: a thread reads from it, and who
waits for the bytes gives up after seconds. Whatever goes wrong, the Hub's storage is left alone for some minutes and
told of once. The client's own log, which quotes signed links, goes nowhere unless ``HF_XET_LOG_DEST`` names a place.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache, partial
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub.calls import call
from hugflow_assets.hub.faults import Asked
from hugflow_assets.hub.models import SourceFile

_LOG = logging.getLogger(__name__)
_Key = tuple[str, str | None, str, str]  # a Hub, whose token, a repository, a commit
SMALLEST_BYTES = 128_000_000  # of what is missing of a file
SLOW_BYTES_PER_S = 80e6  # of one connection by plain HTTP
_MOST_UNDER_WAY = 2  # files that this process fetches at the same time
_AVOIDED_S = 600.0
_SILENCE_S = 8.0  # longest silence of the storage within one request of the client's; it tries each once again
_PATIENCE = 2.5  # times that, until a byte of the file is there
_CONNECT_S = 5.0
_FRESH_S = 60.0  # a token is taken anew so long before it expires
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

    It opens its log when it is imported, and makes a folder even where it keeps nothing. Its own variables name places.

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


class XetStorage:
    """What this process knows of Xet storage: its client, the tokens it was given, which storage to leave alone."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._tokens: dict[_Key, XetToken] = {}
        self._asking: dict[_Key, threading.Lock] = {}
        self._avoided: dict[str, float] = {}
        self._clients: dict[tuple[int, float, float], XetClient] = {}
        self._lane = threading.Lock()
        self._under_way = 0

    @contextmanager
    def transfer(self) -> Iterator[None]:
        """One file is under way, by whatever way."""
        with self._guard:
            self._under_way += 1
        try:
            yield
        finally:
            with self._guard:
                self._under_way -= 1

    def is_possible(self, asked: Asked, file: SourceFile, start: int) -> bool:
        """Whether the bytes of a file from ``start`` on can come by Xet, and may.

        Not through a proxy or with a CA bundle of the settings, nor within a bandwidth limit: the client knows neither.
        """
        access = asked.access
        if access.xet == "off" or not file.xet_hash or file.size_bytes <= start:
            return False
        if access.https_proxy or access.ssl_cert_file or access.bytes_per_s:
            return False
        with self._guard:
            if self._avoided.get(access.endpoint, 0.0) > time.monotonic():
                return False
        return _is_installed()

    def claim(self, asked: Asked, file: SourceFile, start: int, plain_bytes_per_s: float) -> Callable[[], None] | None:
        """Leave to fetch the rest of a file by Xet where that is the faster way; None where it is not.

        One file of all runs on this machine has it, until what is given here is called (or the process ends).

        Args:
            plain_bytes_per_s: how fast plain HTTP was seen to be.
        """
        missing = file.size_bytes - start
        if plain_bytes_per_s >= SLOW_BYTES_PER_S or missing < SMALLEST_BYTES or self._under_way > _MOST_UNDER_WAY:
            return None
        if not self.is_possible(asked, file, start):
            return None
        folder = asked.access.rate_dir
        if folder is None:
            return self._lane.release if self._lane.acquire(blocking=False) else None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / "xet", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return partial(os.close, handle)
            except OSError:
                os.close(handle)
        return None

    def open(self, asked: Asked, file: SourceFile, start: int, stop_if_asked: Callable[[], None]) -> XetBody:
        """The bytes of a file from ``start`` on, on their way.

        Args:
            stop_if_asked: called often while they are waited for; what it raises ends that.
        Raises:
            XetFailedError: no token, or no client that can be used.
        """
        token = self._token(asked)
        access = asked.access
        silence_s = _silence_s(access.read_timeout_s)
        try:
            client = self._client(min(access.connect_timeout_s, _CONNECT_S), silence_s)
            group, stream = client.stream(token, file, start)
        except Exception as error:  # noqa: BLE001  of whatever kind
            raise XetFailedError(_words(error)) from None
        return XetBody(client, group, stream, token.expires - _FRESH_S, silence_s * _PATIENCE, stop_if_asked)

    def _client(self, connect_s: float, silence_s: float) -> XetClient:
        """The client of this process; a forked one has none of its parent's."""
        key = os.getpid(), connect_s, silence_s
        with self._guard:
            if key not in self._clients or self._clients[key].is_ended:
                self._clients[key] = XetClient(connect_s, silence_s)
            return self._clients[key]

    def refuse(self, asked: Asked, reason: str) -> None:
        """Leave the storage of this Hub alone for a while; says so once."""
        with self._guard:
            self._tokens.pop(_key(asked), None)
            now = time.monotonic()
            told = self._avoided.get(asked.access.endpoint, 0.0) > now
            self._avoided[asked.access.endpoint] = now + _AVOIDED_S
            ours = [client for (process, *_), client in self._clients.items() if process == os.getpid()]
        for client in ours:
            client.end()
        if not told:
            _LOG.warning(
                "Xet storage of %s is not used for %.0f minutes: %s. Its files are fetched by plain HTTP.",
                asked.access.endpoint,
                _AVOIDED_S / 60,
                asked.access.redact(reason).rstrip("."),
            )

    def _token(self, asked: Asked) -> XetToken:
        """The token for a repository at a commit, asked for once by all threads; never one of another Hub token's."""
        key = _key(asked)
        with self._guard:
            asking = self._asking.setdefault(key, threading.Lock())
        with asking:
            with self._guard:
                token = self._tokens.get(key)
            if token is None or token.expires < time.time() + _FRESH_S:
                token = _asked_token(asked)
                with self._guard:
                    self._tokens[key] = token
            return token


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
        self.is_ended = True
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
        self._error: Exception | None = None
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
                raise kind(_words(self._error)) from None
            piece, self._next = self._next or memoryview(b""), None
            self._changed.notify_all()
        return piece

    def _run(self) -> None:
        error: Exception | None = None
        try:
            for piece in self._stream:
                with self._changed:
                    self._changed.wait_for(lambda: self._next is None or self._closed)
                    if self._closed:
                        return
                    self._next = memoryview(piece)
                    self._changed.notify_all()
        except Exception as raised:  # noqa: BLE001  it is the reader's to raise
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()


STORAGE = XetStorage()


def _key(asked: Asked) -> _Key:
    return asked.access.endpoint, asked.access.token, asked.repo_id, asked.revision


def _asked_token(asked: Asked) -> XetToken:
    """Ask the Hub, once and with little patience; it counts into the rate budget as every call does.

    Protocol: https://huggingface.co/docs/xet/auth
    """
    access = replace(
        asked.access,
        retries=0,
        retry_max_wait_s=0,
        connect_timeout_s=min(asked.access.connect_timeout_s, _CONNECT_S),
        read_timeout_s=_silence_s(asked.access.read_timeout_s),
    )
    try:
        answer = call(
            access,
            "GET",
            f"{access.endpoint}/api/datasets/{asked.repo_id}/xet-read-token/{quote(asked.revision, safe='')}",
            largest=1 << 16,
        )
    except HugflowError as error:
        raise XetFailedError(f"the Hub gives no token for it: {error.message}") from None
    if answer.status != 200:
        raise XetFailedError(f"the Hub gives no token for it: status {answer.status}")
    url, token = answer.header("X-Xet-Cas-Url"), answer.header("X-Xet-Access-Token")
    expires, parts = answer.header("X-Xet-Token-Expiration"), urlsplit(url)
    is_fresh = expires.isdigit() and int(expires) > time.time() + _FRESH_S
    if (
        not token
        or not is_fresh
        or not parts.hostname
        or parts.scheme not in ("https", urlsplit(access.endpoint).scheme)
    ):
        raise XetFailedError("the Hub's answer to the question for a token is none")
    return XetToken(url.rstrip("/"), token, float(expires))


def _silence_s(read_timeout_s: float) -> float:
    return min(read_timeout_s, _SILENCE_S)


@lru_cache(maxsize=1)
def _is_installed() -> bool:
    """Whether there is a client, and ``HF_HUB_DISABLE_XET`` does not say to do without."""
    try:
        from huggingface_hub.utils._runtime import is_xet_available

        return bool(is_xet_available() and client_library().XetSession)
    except Exception as error:  # noqa: BLE001  whatever keeps it from being loaded, there is plain HTTP
        _LOG.warning("Files in Xet storage are fetched by plain HTTP: hf_xet cannot be used (%s).", _words(error))
        return False


def _words(error: Exception) -> str:
    """What the client says, its links (which are signed) cut down to the host."""
    said = re.sub(r"(\w+://[^\s/)\"']*)[^\s)\"']*", r"\1", " ".join(str(error).split()))[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
