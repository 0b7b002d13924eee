"""Slack as a channel: an incoming webhook (start and end), or a bot (one message a request, details in its thread)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hugflow_assets.notify.faults import delivery_error
from hugflow_assets.notify.slack_message import slack_message
from hugflow_assets.notify.story import story_of_progress
from hugflow_assets.settings import Settings
from hugflow_assets.store import Event, EventKind, Progress

if TYPE_CHECKING:
    from slack_sdk import WebClient

METADATA = "hugflow_request"
# Faults of one message: nothing that waiting could mend.
_MESSAGE_FAULTS = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "no_text", "message_not_found"}
_TOLD_BY_WEBHOOK = frozenset(EventKind) - {EventKind.REQUESTED}
_PAGE, _PAGES = 200, 5


class SlackWebhook:
    """An incoming webhook. It gives no message id back, so a crash just after sending may tell an event twice.

    Args:
        url: the secret URL.
        timeout_s: of each call.
    """

    name = "slack"

    def __init__(self, url: str, *, timeout_s: float = 10) -> None:
        from slack_sdk.webhook import WebhookClient

        self._url = url
        # Its own logger writes the URL at DEBUG; its own retries know nothing of the cursor.
        self._client = WebhookClient(url, timeout=max(1, round(timeout_s)), logger=_silent(), retry_handlers=[])

    def send(self, event: Event) -> bool:
        if event.kind not in _TOLD_BY_WEBHOOK:
            return False
        message = slack_message(event)
        try:
            answer = self._client.send_dict(message)
        except Exception as error:  # noqa: BLE001  the client passes on whatever urllib, ssl and http raise
            raise delivery_error("Slack", "webhook", reason=type(error).__name__, secrets=[self._url]) from None
        if answer.status_code != 200:
            raise delivery_error(
                "Slack", "webhook", status=answer.status_code, reason=answer.body or "", headers=answer.headers,
                permanent=answer.status_code == 400, secrets=[self._url],
            )  # fmt: skip
        return True


class SlackBot:
    """One message a request, edited as it goes on; each event a reply in its thread.

    Both are looked up by their metadata before they are posted, so a crash after sending leaves no second one.

    Args:
        client: a ``slack_sdk.WebClient``, such as dagster-slack's resource gives.
        channel: the channel's id.
    """

    name = "slack"

    def __init__(self, client: WebClient, channel: str) -> None:
        self._client, self._channel = client, channel
        self._threads: dict[str, str] = {}

    def send(self, event: Event) -> bool:
        if event.kind is EventKind.REQUESTED:
            return False
        with self._errors(f"{event.kind.value} of {event.name}"):
            message = slack_message(event)
            thread, new = self._thread(event.name, message)
            if not new:
                self._client.chat_update(channel=self._channel, ts=thread, **message, metadata=_metadata(event.name))
            if new or not self._is_told(thread, event):
                self._client.chat_postMessage(
                    channel=self._channel, thread_ts=thread, **message, metadata=_metadata(event.name, event.seq)
                )
        return True

    def send_progress(self, progress: Progress) -> bool:
        """Edit the message of a landing that is under way; nothing is added to its thread.

        Raises:
            DeliveryError: Slack did not take it.
        """
        with self._errors(f"progress of {progress.name}"):
            message = slack_message(story_of_progress(progress))
            thread, new = self._thread(progress.name, message)
            if not new:
                self._client.chat_update(channel=self._channel, ts=thread, **message, metadata=_metadata(progress.name))
        return True

    def _thread(self, name: str, message: dict[str, Any]) -> tuple[str, bool]:
        """The message of a request, and whether it was posted just now."""
        found = self._threads.get(name) or self._look_up(name)
        new = found is None
        if found is None:
            posted = self._client.chat_postMessage(channel=self._channel, **message, metadata=_metadata(name))
            found = str(posted["ts"])
        self._threads[name] = found
        return found, new

    def _look_up(self, name: str) -> str | None:
        """The message of a request among the channel's last thousand."""
        for one in _messages(lambda page: self._client.conversations_history(channel=self._channel, **page)):
            told = _payload(one)
            if told.get("name") == name and "seq" not in told:
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
                permanent=fault in _MESSAGE_FAULTS, secrets=[token],
            ) from None  # fmt: skip
        except (SlackClientError, OSError, ValueError) as error:
            raise delivery_error("Slack", what, reason=type(error).__name__, secrets=[token]) from None


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
        return SlackBot(client, settings.slack_channel)
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


def _metadata(name: str, seq: int | None = None) -> dict[str, Any]:
    payload: dict[str, Any] = {"name": name} if seq is None else {"name": name, "seq": seq}
    return {"event_type": METADATA, "event_payload": payload}


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    told = message.get("metadata") or {}
    return dict(told.get("event_payload") or {}) if told.get("event_type") == METADATA else {}
