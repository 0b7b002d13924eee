"""What Xet storage answers: how a file is put together, and pieces of xorbs by signed links.

A token, which the Hub gives to whoever may download from a repository, opens that repository's files and no others.
Protocol: https://huggingface.co/docs/xet/api and https://huggingface.co/docs/xet/auth; the API of version 2 alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from hugflow_assets.demo.protocol import Answer, RefusedError, Request
from hugflow_assets.demo.repos import Blob, Repo
from hugflow_assets.demo.xet_folder import XetFolder

TOKEN_FOR_S = 900
LINK_FOR_S = 3600


@dataclass
class XetProtocol:
    """Answers requests to the storage. ``url`` is where it listens; ``token_for_s`` how long a token is good."""

    storage: XetFolder
    repos: Mapping[str, Repo]
    url: str = ""
    token_for_s: int = TOKEN_FOR_S
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def token(self, repo: Repo) -> Answer:
        """The Hub's answer to whoever may download from this repository."""
        until = str(int(time.time()) + self.token_for_s)
        token = f"xet_{repo.oid}_{until}_{self._sign('token', repo.oid, until)}"
        headers = {"X-Xet-Cas-Url": self.url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": until}
        return Answer.json({"casUrl": self.url, "accessToken": token, "exp": int(until)}, headers=headers)

    def answer(self, asked: Request) -> Answer:
        """What the storage says."""
        match asked.path.split("/")[1:]:
            case ["v2", "reconstructions", xet_hash]:
                return self._reconstruction(asked, self._repo(asked), xet_hash)
            case ["xorbs", xorb]:
                return self._xorb(asked, xorb)
        raise RefusedError(404, None, "not found")

    def _repo(self, asked: Request) -> Repo:
        """The repository that the token is for."""
        kind, oid, until, signature = ((asked.user_token or "").split("_") + [""] * 4)[:4]
        is_ours = hmac.compare_digest(signature, self._sign("token", oid, until))
        repo = next((repo for repo in list(self.repos.values()) if repo.oid == oid), None)
        if kind != "xet" or not is_ours or int(until) < time.time() or repo is None:
            raise RefusedError(401, None, "unauthorized")
        return repo

    def _reconstruction(self, asked: Request, repo: Repo, xet_hash: str) -> Answer:
        blob = next((blob for blob in repo.stored.values() if blob.xet_hash == xet_hash), None)
        if blob is None:
            raise RefusedError(404, None, "not found")
        start, end = 0, blob.size_bytes
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", asked.range or ""):
            start, end = int(found[1]), min(end, int(found[2] or end) + 1)
        reconstruction = self.storage.reconstruction(xet_hash, start, end)
        if reconstruction is None:
            raise RefusedError(416, None, "range not satisfiable")
        xorbs = {
            xorb: [{"url": self._link(xorb), "ranges": ranges}] for xorb, ranges in reconstruction["xorbs"].items()
        }
        return Answer.json({**reconstruction, "xorbs": xorbs})

    def _link(self, xorb: str) -> str:
        until = str(int(time.time()) + LINK_FOR_S)
        query = urlencode({"Expires": until, "Signature": self._sign("xorb", xorb, until)})
        return f"{self.url}/xorbs/{xorb}?{query}"

    def _xorb(self, asked: Request, xorb: str) -> Answer:
        given = {name: values[-1] for name, values in asked.parameters().items()}
        until = given.get("Expires", "")
        if not hmac.compare_digest(given.get("Signature", ""), self._sign("xorb", xorb, until)):
            raise RefusedError(403, None, "forbidden")
        path = self.storage.xorb(xorb)
        blob = Blob(path, path.stat().st_size, xorb, None)
        return Answer(200, {"ETag": f'"{xorb}"', "Content-Type": "application/octet-stream"}, blob=blob)

    def _sign(self, *parts: str) -> str:
        return hmac.new(self._secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()
