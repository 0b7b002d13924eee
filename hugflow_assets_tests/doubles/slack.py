"""A Slack with one channel, a bot and an incoming webhook."""

from __future__ import annotations

import json
from typing import Any

from hugflow_assets_tests.doubles.serving import Answer, Double, RefusalError, Request

BLOCKS_TOGETHER = 50_000  # characters of all blocks of a message
_FIELDS = {
    "chat.postMessage": {"channel", "text", "blocks", "thread_ts", "metadata", "unfurl_links", "unfurl_media"},
    "chat.update": {"channel", "ts", "text", "blocks", "metadata"},
    "conversations.history": {"channel", "limit", "include_all_metadata", "cursor"},
    "conversations.replies": {"channel", "ts", "limit", "include_all_metadata", "cursor"},
}


class SlackDouble(Double):
    """``messages`` are the channel's, in order; ``hooked`` what came by the webhook ``hook_url``."""

    def __init__(self, *, token: str = "xoxb-canary", channel: str = "C0001", secret: str = "T1/B1/hookcanary") -> None:
        super().__init__()
        self.token, self.channel, self._secret = token, channel, secret
        self.messages: list[dict[str, Any]] = []
        self.hooked: list[dict[str, Any]] = []
        self.no_edits = False
        self.scopes = {"chat:write", "channels:history"}

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def hook_url(self) -> str:
        return f"{self.url}/services/{self._secret}"

    def parents(self) -> list[dict[str, Any]]:
        return [one for one in self.messages if "thread_ts" not in one]

    def thread(self, ts: str) -> list[dict[str, Any]]:
        return [one for one in self.messages if one.get("thread_ts") == ts]

    def answer(self, request: Request) -> Any:
        if request.path == f"/services/{self._secret}":
            return self._hook(request)
        method = request.path.removeprefix("/api/")
        if method not in _FIELDS:
            raise RefusalError(404, {"ok": False, "error": "unknown_method"})
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        body = {**request.query, **request.body}
        if unknown := sorted(set(body) - _FIELDS[method]):
            return {"ok": False, "error": "invalid_arguments", "unknown": unknown}
        if body.get("channel") != self.channel:
            return {"ok": False, "error": "channel_not_found"}
        answer = self._call(method, {key: _told(value) for key, value in body.items()})
        return Answer(answer, {"X-OAuth-Scopes": ",".join(sorted(self.scopes))})

    def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "conversations.history":
            return self._page(list(reversed(self.parents())), body)
        if method == "conversations.replies":
            found = [one for one in self.messages if body["ts"] in (one["ts"], one.get("thread_ts"))]
            return self._page(found, body)
        if len(json.dumps(body.get("blocks") or [])) > BLOCKS_TOGETHER:
            return {"ok": False, "error": "msg_blocks_too_long"}
        if wrong := block_problem(body.get("blocks") or []):
            return {"ok": False, "error": "invalid_blocks", "why": wrong}
        if "chat:write" not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": "chat:write"}
        message = {key: value for key, value in body.items() if key != "channel"}
        if method == "chat.postMessage":
            message["ts"] = f"{len(self.messages) + 1}.000100"
            self.messages.append(message)
            return {"ok": True, "ts": message["ts"], "channel": self.channel}
        if self.no_edits:
            return {"ok": False, "error": "edit_window_closed"}
        for one in self.messages:
            if one["ts"] == body["ts"]:
                one.update(message)
                return {"ok": True, "ts": one["ts"]}
        return {"ok": False, "error": "message_not_found"}

    def _page(self, rows: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
        start, size = int(body.get("cursor") or 0), min(int(body.get("limit") or 100), 3)
        following = start + size if start + size < len(rows) else ""
        return {
            "ok": True,
            "messages": rows[start : start + size],
            "response_metadata": {"next_cursor": str(following)},
        }

    def _hook(self, request: Request) -> str:
        if set(request.body) - {"text", "blocks", "unfurl_links", "unfurl_media"}:
            raise RefusalError(400, "invalid_payload")
        if block_problem(request.body.get("blocks") or []):
            raise RefusalError(400, "invalid_blocks")
        self.hooked.append(request.body)
        return "ok"


def block_problem(blocks: list[dict[str, Any]]) -> str:
    """What Slack would refuse in these blocks; empty when nothing."""
    if len(blocks) > 50:
        return "more than 50 blocks"
    for block in blocks:
        texts = [(block["text"]["text"], 150 if block["type"] == "header" else 3000)] if "text" in block else []
        fields = block.get("fields", [])
        if len(fields) > 10:
            return "more than 10 fields"
        texts += [(one["text"], 2000) for one in fields]
        if block["type"] not in ("header", "section") or not texts:
            return f"{block['type']} without text"
        for text, limit in texts:
            if not 0 < len(text) <= limit:
                return f"{block['type']}: {len(text)} characters"
    return ""


def _told(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value
