"""Slack as a channel: an incoming webhook (start and end), or a bot (one message a request, details in its thread)."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugflow_assets.durable import atomic_write
from hugflow_assets.notify.channel_errors import delivery_error
from hugflow_assets.notify.request_messages import RequestMessage, State, message_of, message_of_progress
from hugflow_assets.notify.slack.message import slack_message
from hugflow_assets.settings import Settings
from hugflow_assets.store import Event, EventKind, Progress

if TYPE_CHECKING:
    from slack_sdk import WebClient

METADATA = "hugflow_request"
_WRITE_SCOPES = {"chat:write"}
# A stranger's text shows no page and no picture of its choice.
NO_PREVIEWS: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
# Faults that waiting may mend, or that are the channel's as a whole, which a person mends: nothing is lost by them.
# Every other one is of one message. Source: https://docs.slack.dev/reference/methods/chat.postMessage (errors).
_PASSING_FAULTS = {
    "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable",
    "request_timeout", "team_added_to_org", "accesslimited",
}  # fmt: skip
_CHANNEL_FAULTS = {
    "not_authed", "invalid_auth", "account_inactive", "token_expired", "token_revoked", "org_login_required",
    "missing_scope", "no_permission", "ekm_access_denied", "access_denied", "two_factor_setup_required",
    "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "restricted_action_read_only_channel",
    "unknown_method", "deprecated_endpoint", "method_deprecated", "not_allowed_token_type", "team_access_not_granted",
    "enterprise_is_restricted",
}  # fmt: skip
AGAIN = "Perhaps told before: no answer came when this was sent."
_CANNOT_EDIT = {"edit_window_closed", "cant_update_message"}  # a workspace may forbid late edits; replies go on
_THREADS = 5000  # requests whose message is remembered
_PAGE, _PAGES = 200, 5


class SlackWebhook:
    """An incoming webhook. It gives no message id back: what may have been told before is told again, and says so.

    Args:
        url: the secret URL.
        timeout_s: of each call.
    """

    name = "slack"
    blind = True

    def __init__(self, url: str, *, timeout_s: float = 10) -> None:
        from slack_sdk.webhook import WebhookClient

        self._url = url
        # Its own logger writes the URL at DEBUG; its own retries know nothing of the cursor.
        self._client = WebhookClient(url, timeout=max(1, round(timeout_s)), logger=_silent(), retry_handlers=[])

    def send(self, event: Event, *, again: bool = False) -> bool:
        message = message_of(event)
        if is_quiet(event.kind, message) or (event.kind is EventKind.CHECKED and not message.body):
            return False  # that it landed has been told, and every check has passed
        try:
            answer = self._client.send_dict({**slack_message(message, note=AGAIN if again else ""), **NO_PREVIEWS})
        except Exception as error:  # noqa: BLE001  the client passes on whatever urllib, ssl and http raise
            raise delivery_error(
                "Slack", "webhook", reason=type(error).__name__, taken=_was_taken(error), secrets=[self._url]
            ) from None
        if answer.status_code != 200:
            raise delivery_error(
                "Slack", "webhook", status=answer.status_code, reason=answer.body or "", headers=answer.headers,
                permanent=_refused_message(answer.status_code, answer.body or ""), secrets=[self._url],
            )  # fmt: skip
        return True


def _refused_message(status: int, reason: str) -> bool:
    """Whether a webhook refuses this message, and not every one (``no_service``, ``channel_is_archived``…).

    Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (handling errors).
    """
    return status == 400 and reason.strip() not in ("no_active_hooks", "no_team", "no_service", "user_not_found")


def is_quiet(kind: EventKind, message: RequestMessage) -> bool:
    """Whether Slack is left in peace: the pull request tells what is queued, and files that are whole are no news."""
    return kind is EventKind.REQUESTED or (kind is EventKind.SCRUBBED and message.state is State.INFO)


def _was_taken(error: Exception) -> bool | None:
    """False where no connection was made; of any other fault nobody knows whether the message had arrived."""
    cause = getattr(error, "reason", error)  # urllib wraps it
    return False if isinstance(cause, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError) else None


class SlackBot:
    """One message a request, edited as it goes on; each event a reply in its thread.

    Both are looked up by their metadata before they are posted, so a crash after sending leaves no second one.

    Args:
        client: a ``slack_sdk.WebClient``, such as dagster-slack's resource gives.
        channel: the channel's id.
        threads: a file that remembers the message of each request; those of a busy channel's past are not looked up.
    """

    name = "slack"
    blind = False

    def __init__(self, client: WebClient, channel: str, threads: Path | None = None) -> None:
        self._client, self._channel = client, channel
        self._file = threads
        self._threads = _cached_threads(threads, channel)

    def send(self, event: Event, *, again: bool = False) -> bool:
        if is_quiet(event.kind, message_of(event)):
            return False
        with self._errors(f"{event.kind.value} of {event.name}"):
            message = slack_message(event)
            thread, new = self._thread(event.name, message)
            if not new:
                thread, new = self._updated(event.name, thread, message)
            if new or not self._is_told(thread, event):
                self._client.chat_postMessage(
                    channel=self._channel,
                    thread_ts=thread,
                    **message,
                    **NO_PREVIEWS,
                    metadata=_metadata(event.name, event.seq),
                )
        return True

    def look(self) -> tuple[str, ...]:
        """Read the channel, as is done before anything is posted; the rights that are missing for the rest.

        Raises:
            DeliveryError: token, channel or rights are not as needed.
        """
        with self._errors(f"channel {self._channel}"):
            answer = self._client.conversations_history(channel=self._channel, limit=1)
        headers = {key.lower(): str(value) for key, value in dict(getattr(answer, "headers", {}) or {}).items()}
        granted = {one.strip() for one in headers.get("x-oauth-scopes", "").split(",") if one.strip()}
        return tuple(sorted(_WRITE_SCOPES - granted)) if granted else ()

    def send_progress(self, progress: Progress) -> bool:
        """Edit the message of a landing that is under way; nothing is added to its thread.

        Raises:
            DeliveryError: Slack did not take it.
        """
        with self._errors(f"progress of {progress.name}"):
            message = slack_message(message_of_progress(progress))
            thread, new = self._thread(progress.name, message)
            if not new:
                self._updated(progress.name, thread, message)
        return True

    def _updated(self, name: str, thread: str, message: dict[str, Any]) -> tuple[str, bool]:
        """The message of a request, edited; and whether it had been deleted, and was posted anew."""
        from slack_sdk.errors import SlackApiError

        try:
            self._client.chat_update(channel=self._channel, ts=thread, **message, metadata=_metadata(name))
        except SlackApiError as error:
            fault = str(error.response.get("error") or "") if error.response is not None else ""
            if fault == "message_not_found":
                self._threads.pop(name, None)
                return self._thread(name, message)
            if fault not in _CANNOT_EDIT:
                raise
        return thread, False

    def _thread(self, name: str, message: dict[str, Any]) -> tuple[str, bool]:
        """The message of a request, and whether it was posted just now."""
        found = self._threads.get(name) or self._look_up(name)
        new = found is None
        if found is None:
            posted = self._client.chat_postMessage(
                channel=self._channel, **message, **NO_PREVIEWS, metadata=_metadata(name)
            )
            found = str(posted["ts"])
        if self._threads.get(name) != found:
            self._threads[name] = found
            self._keep_threads()
        return found, new

    def _keep_threads(self) -> None:
        if self._file is None:
            return
        while len(self._threads) > _THREADS:
            del self._threads[next(iter(self._threads))]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        saved = {"channel": self._channel, "threads": self._threads}
        atomic_write(self._file, json.dumps(saved).encode(), sync=False)

    def _look_up(self, name: str) -> str | None:
        """The message of a request among the channel's last thousand."""
        for one in _messages(lambda page: self._client.conversations_history(channel=self._channel, **page)):
            payload = _payload(one)
            if payload.get("name") == name and "seq" not in payload:
                return str(one["ts"])
        return None

    def _is_told(self, thread: str, event: Event) -> bool:
        pages = _messages(lambda page: self._client.conversations_replies(channel=self._channel, ts=thread, **page))
        return any(_payload(one).get("seq") == event.seq for one in pages)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        from slack_sdk.errors import SlackApiError, SlackClientError

        token = str(getattr(self._client, "token", "") or "")
        try:
            yield
        except SlackApiError as error:
            answer: Any = error.response
            fault = str(answer.get("error") or "") if answer is not None else ""
            raise delivery_error(
                "Slack", what, status=getattr(answer, "status_code", None), reason=fault,
                headers={key: str(value) for key, value in dict(getattr(answer, "headers", {}) or {}).items()},
                permanent=_is_of_one_message(fault, getattr(answer, "status_code", None)), secrets=[token],
            ) from None  # fmt: skip
        except (SlackClientError, OSError, ValueError) as error:
            raise delivery_error("Slack", what, reason=type(error).__name__, secrets=[token]) from None


def _is_of_one_message(fault: str, status: int | None) -> bool:
    """Whether sending it again changes nothing, and the next message may be taken."""
    if status is not None and status >= 500:
        return False
    return bool(fault) and fault not in _PASSING_FAULTS | _CHANNEL_FAULTS


def slack_channel(
    settings: Settings, make_client: Callable[[str], WebClient] | None = None
) -> SlackBot | SlackWebhook | None:
    """The channel that the settings name: the bot if there is a token and a channel, else the webhook, else None.

    Args:
        make_client: gives the client of a bot token, such as dagster-slack's resource does.
    """
    timeout_s = min(30.0, settings.read_timeout.total_seconds())
    if settings.slack_bot_token is not None and settings.slack_channel is not None:
        token = settings.slack_bot_token.get_secret_value()
        client = web_client(token, base_url=settings.slack_api_url, timeout_s=timeout_s, make_client=make_client)
        return SlackBot(client, settings.slack_channel, settings.hugflow_state_dir / "delivery" / "slack-threads.json")
    if settings.slack_webhook_url is not None:
        return SlackWebhook(settings.slack_webhook_url.get_secret_value(), timeout_s=timeout_s)
    return None


def web_client(
    token: str,
    *,
    base_url: str = "https://slack.com/api/",
    timeout_s: float = 10,
    make_client: Callable[[str], WebClient] | None = None,
) -> WebClient:
    """A client without retries of its own (they would post twice) and without a log."""
    from slack_sdk import WebClient

    client = (make_client or WebClient)(token)
    client.base_url = f"{base_url.rstrip('/')}/"
    client.timeout = max(1, round(timeout_s))
    client.retry_handlers = []
    client._logger = _silent()
    return client


def _silent() -> logging.Logger:
    """A logger outside the logging tree: no configuration can make it write a token."""
    logger = logging.Logger("hugflow.slack", logging.CRITICAL + 1)
    logger.propagate = False
    return logger


def _messages(fetch: Callable[[dict[str, Any]], Any]) -> Iterator[dict[str, Any]]:
    cursor = ""
    for _ in range(_PAGES):
        page = fetch({"limit": _PAGE, "include_all_metadata": True, **({"cursor": cursor} if cursor else {})})
        yield from page.get("messages") or []
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return


def _cached_threads(file: Path | None, channel: str) -> dict[str, str]:
    """The messages of a channel that an earlier process knew; lost, they are looked up."""
    try:
        saved = json.loads(file.read_bytes()) if file is not None else {}
        return {str(name): str(ts) for name, ts in saved["threads"].items()} if saved.get("channel") == channel else {}
    except (OSError, ValueError, AttributeError, KeyError):
        return {}


def _metadata(name: str, seq: int | None = None) -> dict[str, Any]:
    payload: dict[str, Any] = {"name": name} if seq is None else {"name": name, "seq": seq}
    return {"event_type": METADATA, "event_payload": payload}


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    metadata = message.get("metadata") or {}
    return dict(metadata.get("event_payload") or {}) if metadata.get("event_type") == METADATA else {}
