"""Which Hub, as whom, and how patiently: what every call to the Hub needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from hugflow_assets.settings import Settings, XetMode


@dataclass(frozen=True)
class HubAccess:
    """A Hub (or any server that speaks its protocol) and the manners to talk to it. Picklable.

    The token is the setting's and no other: a token that some ``huggingface-cli login`` left on the machine is never
    sent, so that what lands does not depend on who logged in there once.

    Attributes:
        endpoint: base URL without a trailing slash.
        token: access token or None for anonymous calls. Never printed.
        connect_timeout_s, read_timeout_s: longest wait for a connection; longest silence of a server.
        retries: tries after the first one, for faults that can pass.
        retry_max_wait_s: longest wait between two tries, the Hub's own Retry-After included.
        backoff_s: wait before the second try; doubles from there, with jitter.
        https_proxy: proxy for https requests; None leaves it to the environment.
        ssl_cert_file: CA bundle (PEM) to trust instead of the system's.
        rate_dir: where the processes of this machine share what they know of their rate limit; None: they do not.
        bytes_per_s: what all of them may fetch together; None: no limit.
        xet: whether files in Xet storage are fetched from there: those too large for plain HTTP, all, or none.
        listings_dir: where long lists of a commit's files are kept page by page; None: nowhere.
        ends_at: until when (of ``time.monotonic``) anything is asked; None: there is no end.
        adopted: a list of local files by content hash, which are copied instead of fetched; see ``local_copies``.
        largest_plain_bytes: of one answer of plain HTTP; huggingface_hub asks for no larger file by it.
    """

    endpoint: str
    token: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 10
    read_timeout_s: float = 30
    retries: int = 5
    retry_max_wait_s: float = 300
    backoff_s: float = 1
    https_proxy: str | None = field(default=None, repr=False)
    ssl_cert_file: Path | None = None
    rate_dir: Path | None = None
    bytes_per_s: float | None = None
    xet: XetMode = "auto"
    adopted: Path | None = None
    listings_dir: Path | None = None
    ends_at: float | None = field(default=None, compare=False)
    largest_plain_bytes: int = 50_000_000_000

    @classmethod
    def of(cls, settings: Settings) -> HubAccess:
        """The access that the settings describe."""
        return cls(
            endpoint=settings.hf_endpoint,
            token=(settings.hf_token.get_secret_value().strip() or None) if settings.hf_token else None,
            connect_timeout_s=settings.connect_timeout.total_seconds(),
            read_timeout_s=settings.read_timeout.total_seconds(),
            retries=settings.hub_retries,
            retry_max_wait_s=settings.retry_max_wait.total_seconds(),
            https_proxy=settings.https_proxy,
            ssl_cert_file=settings.ssl_cert_file,
            rate_dir=settings.hugflow_state_dir / "rate",
            listings_dir=settings.hugflow_state_dir / "listings",
            bytes_per_s=float(settings.max_bandwidth) if settings.max_bandwidth else None,
            xet=settings.xet,
        )

    def redact(self, text: str) -> str:
        """``text`` without this access's secrets, whoever put them there (a server may echo a header)."""
        for secret in (self.token, self.https_proxy):
            if secret:
                text = text.replace(secret, "***")
        return text


def repo_url(endpoint: str, repo_id: str, commit: str | None = None) -> str:
    """The page of a dataset repository, at a commit if one is given."""
    page = f"{endpoint}/datasets/{repo_id}"
    return f"{page}/tree/{commit}" if commit else page


def file_url(endpoint: str, repo_id: str, commit: str, path: str) -> str:
    """Where a file's bytes are: ``{endpoint}/datasets/{id}/resolve/{commit}/{path}``."""
    return f"{endpoint}/datasets/{repo_id}/resolve/{quote(commit, safe='')}/{quote(path)}"
