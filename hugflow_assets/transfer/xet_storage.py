"""Bytes of a file straight from Xet storage, by the Hub's own client for it; plain HTTP is what is left without it.

Xet keeps a file as pieces of a few large objects and gives many of them at once, so one file is fetched over several
connections. From anywhere inside a file it goes on by a range of bytes, and ends with the same hash as by plain HTTP.

Measured, plain HTTP over several connections (``segments``) is as fast or faster, for half the processor's time and
less memory (``benchmarks/NOTES.md``). Xet is the faster way where that is slow and more connections do not help: on a
slow line for a file that it keeps compressed, or when the Hub's other storage is the slow one. So with ``XET=auto`` the
rest of a large file comes by Xet where plain HTTP is seen to be so, no other file being under way, as long as it proves
itself; with ``on`` all of every file does.

Whatever goes wrong, the rest of the file comes by plain HTTP from where the bytes stopped, the Hub's storage is left
alone for some minutes, and that is told once.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.refusals import Asked
from hugflow_assets.hub.requests import call
from hugflow_assets.transfer.xet_client import (
    FRESH_S,
    XetBody,
    XetClient,
    XetFailedError,
    XetToken,
    client_library,
    words,
)

_LOG = logging.getLogger(__name__)
_HASH, _TOKEN, _SECONDS = re.compile("[0-9a-f]{64}"), re.compile("[!-~]+"), re.compile("[0-9]{1,12}")
_Key = tuple[str, str | None, str, str]  # a Hub, whose token, a repository, a commit
SMALLEST_BYTES = 256 << 20  # of what is missing of a file; what has come ahead of its turn is lost by a change
SLOW_BYTES_PER_S = 80e6  # by plain HTTP, however many connections
_FASTER, _SLOWER = 1.2, 0.5  # times plain HTTP; in between a file is fetched to its end, for what is on its way to it
_MOST_UNDER_WAY = 1  # files that this process fetches at the same time
_AVOIDED_S = 600.0
_SILENCE_S = 8.0  # longest silence of the storage within one request of the client's; it tries each once again
_PATIENCE = 2.5  # times that, until a byte of the file is there
_CONNECT_S = 5.0


@dataclass(frozen=True)
class XetLeave:
    """Leave to fetch one file by Xet, until ``end`` is called; ``plain_bytes_per_s`` is the speed to surpass."""

    plain_bytes_per_s: float
    end: Callable[[], None]


class XetStorage:
    """What this process knows of Xet storage: its client, the tokens it was given, which storage to leave alone."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._tokens: dict[_Key, XetToken] = {}
        self._asking: dict[_Key, threading.Lock] = {}
        self._avoided: dict[str, float] = {}
        self._clients: dict[tuple[int, float, float], XetClient] = {}
        self._surpassed: dict[str, tuple[float, float]] = {}
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

    def is_wanted(self, asked: Asked, file: SourceFile, start: int) -> bool:
        """Whether the bytes of a file from ``start`` on are to come by Xet whatever is faster, and can."""
        return asked.access.xet == "on" and self._is_possible(asked, file, start)

    def _is_possible(self, asked: Asked, file: SourceFile, start: int) -> bool:
        """Not through a proxy, with a CA bundle of the settings, or within a bandwidth limit: the client knows none."""
        access = asked.access
        if access.xet == "off" or not _HASH.fullmatch(file.xet_hash or "") or file.size_bytes <= start:
            return False
        if access.https_proxy or access.ssl_cert_file or access.bytes_per_s:
            return False
        return not self._is_avoided(asked) and is_installed()

    def _is_avoided(self, asked: Asked) -> bool:
        with self._guard:
            return self._avoided.get(asked.access.endpoint, 0.0) > time.monotonic()

    def claim(
        self, asked: Asked, file: SourceFile, start: int, plain_bytes_per_s: float | None = None
    ) -> XetLeave | None:
        """Leave to fetch the rest of a file by Xet where that may be the faster way; None where it is not.

        One file of all runs on this machine has it at a time; the end of the process ends it.

        Args:
            plain_bytes_per_s: how fast plain HTTP was seen to be; None: what was seen before Xet proved faster.
        """
        if asked.access.xet != "auto" or not file.xet_hash or file.size_bytes - start < SMALLEST_BYTES:
            return None
        with self._guard:
            if plain_bytes_per_s is None:
                plain_bytes_per_s, until = self._surpassed.get(asked.access.endpoint, (SLOW_BYTES_PER_S, 0.0))
                if until < time.monotonic():
                    return None
            if plain_bytes_per_s >= SLOW_BYTES_PER_S or self._under_way > _MOST_UNDER_WAY:
                return None
        if not self._is_possible(asked, file, start):
            return None
        end = self._take_lane(asked.access.rate_dir)
        return None if end is None else XetLeave(plain_bytes_per_s, end)

    def is_good(self, asked: Asked, bytes_per_s: float, leave: XetLeave) -> bool:
        """Whether to go on with this file by Xet, whose speed was seen now.

        For a while the next large files come by Xet from their beginning if it is faster, and not by Xet otherwise.
        """
        endpoint, plain, until = asked.access.endpoint, leave.plain_bytes_per_s, time.monotonic() + _AVOIDED_S
        is_faster = bytes_per_s >= plain * _FASTER
        with self._guard:
            if is_faster:
                self._surpassed[endpoint] = plain, until
            else:
                self._surpassed.pop(endpoint, None)
                self._avoided[endpoint] = until
        if not is_faster:
            _LOG.info("Xet storage of %s gives %.0f MB/s, plain HTTP %.0f.", endpoint, bytes_per_s / 1e6, plain / 1e6)
        return bytes_per_s >= plain * _SLOWER

    def _take_lane(self, folder: Path | None) -> Callable[[], None] | None:
        """The one lane for a large file by Xet, if it is free: what to call to leave it."""
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
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  of whatever kind; a panic of the library's is no Exception
            raise XetFailedError(words(error)) from None
        return XetBody(client, group, stream, token.expires - FRESH_S, silence_s * _PATIENCE, stop_if_asked)

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
            token = self._tokens.pop(_key(asked), None)
            now = time.monotonic()
            told = self._avoided.get(asked.access.endpoint, 0.0) > now
            self._avoided[asked.access.endpoint] = now + _AVOIDED_S
            ours = [client for (process, *_), client in self._clients.items() if process == os.getpid()]
        for client in ours:
            client.end()
        if token is not None:
            reason = reason.replace(token.token, "***")
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
            if token is None or token.expires < time.time() + FRESH_S:
                if self._is_avoided(asked):
                    raise XetFailedError("another thread was given no token")
                try:
                    token = _asked_token(asked)
                except XetFailedError as error:
                    self.refuse(asked, str(error))
                    raise
                with self._guard:
                    self._tokens[key] = token
            return token


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
    expires = answer.header("X-Xet-Token-Expiration")
    is_fresh = _SECONDS.fullmatch(expires) is not None and int(expires) > time.time() + FRESH_S
    if not is_fresh or not _TOKEN.fullmatch(token) or not _is_address(url, urlsplit(access.endpoint).scheme):
        raise XetFailedError("the Hub's answer to the question for a token is none")
    return XetToken(url.rstrip("/"), token, float(expires))


def _is_address(url: str, scheme: str) -> bool:
    """Whether that is one, no less secure than ``scheme``."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.scheme in ("https", scheme)
    except ValueError:
        return False


def _silence_s(read_timeout_s: float) -> float:
    return min(read_timeout_s, _SILENCE_S)


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether there is a client, and ``HF_HUB_DISABLE_XET`` does not say to do without."""
    try:
        from huggingface_hub.utils._runtime import is_xet_available

        return bool(is_xet_available() and client_library().XetSession)
    except Exception as error:  # noqa: BLE001  whatever keeps it from being loaded, there is plain HTTP
        _LOG.warning("Files in Xet storage are fetched by plain HTTP: hf_xet cannot be used (%s).", words(error))
        return False
