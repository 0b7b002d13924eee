"""Runs git: bounded in time, never asking a person, with no secret on a command line or in a message."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from hugflow_assets.errors import RequestSourceError

_KEPT_GIT_VARIABLES = frozenset({"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_PROXY_COMMAND"})
_URL_USER = re.compile(r"(?<=://)[^/@\s]+@")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class GitFailedError(Exception):
    """git ended with an error; the text is what it said, redacted."""


class Git:
    """git for one remote and one private bare repository.

    Args:
        repository: the bare repository; need not exist yet.
        url: the remote. A token is sent to it alone, and only over https (or to this machine).
        timeout_s: longest time that one command may take.
    """

    def __init__(self, repository: Path, url: str, *, timeout_s: float, token: str | None = None) -> None:
        self.repository = repository
        self.url = url
        self.timeout_s = timeout_s
        self._secrets: tuple[str, ...] = ()
        self._environment = _environment(os.environ)
        if token and _may_carry_token(url):
            basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            self._environment |= _configuration(url, basic)
            self._secrets = (basic, token)
        elif token:
            self._secrets = (token,)

    @property
    def shown_url(self) -> str:
        return self.redacted(self.url)

    def redacted(self, text: str) -> str:
        """Text without the token and without users or passwords in URLs."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _URL_USER.sub("", text)

    def run(self, *arguments: str, data: bytes | None = None) -> bytes:
        """What one git command prints.

        Raises:
            GitFailedError: it failed; the text is its last words.
            RequestSourceError: git is not installed, or the command took longer than ``timeout_s``.
        """
        command = ["git", f"--git-dir={self.repository}", *arguments]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                cwd="/",
                start_new_session=True,  # so that the helpers git starts (ssh, remote-https) end with it
            )
        except OSError as error:
            raise RequestSourceError(
                f"git cannot be started: {os.strerror(error.errno or 0)}.", remedy="Install git 2.34 or newer."
            ) from None
        try:
            out, err = process.communicate(data, timeout=self.timeout_s)
        except subprocess.TimeoutExpired:
            raise RequestSourceError(
                f"The requests branch of {self.shown_url} did not answer within {self.timeout_s:g} s.",
                remedy="Check the network and the remote; the next look tries again.",
                url=self.shown_url,
            ) from None
        finally:
            if process.poll() is None:
                _end(process)
        if process.returncode != 0:
            raise GitFailedError(self.redacted(err.decode("utf-8", "replace")).strip()[-1000:])
        return out


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Our environment without what would point git elsewhere or make it print headers or ask questions."""
    kept = {key: value for key, value in ours.items() if not key.startswith("GIT_") or key in _KEPT_GIT_VARIABLES}
    return {
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10",
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "LC_ALL": "C",
    }


def _may_carry_token(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _configuration(url: str, basic: str) -> dict[str, str]:
    """The token as a header for this host only; a redirect, which could lead to another host, is not followed."""
    parts = urlsplit(url)
    host = (parts.netloc or "").rpartition("@")[2]
    settings = {
        f"http.{parts.scheme}://{host}/.extraHeader": f"Authorization: Basic {basic}",
        "http.followRedirects": "false",
        "credential.helper": "",
    }
    numbered = {"GIT_CONFIG_COUNT": str(len(settings))}
    for at, (key, value) in enumerate(settings.items()):
        numbered |= {f"GIT_CONFIG_KEY_{at}": key, f"GIT_CONFIG_VALUE_{at}": value}
    return numbered
