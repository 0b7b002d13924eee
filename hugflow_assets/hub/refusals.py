"""What an answer of the Hub means when it is not the one hoped for: each kind of refusal as its own error."""

from __future__ import annotations

from dataclasses import dataclass

from hugflow_assets.errors import (
    HFDisabledError,
    HFDownloadError,
    HFError,
    HFGatedError,
    HFGoneError,
    HFNotFoundError,
    HFRevisionNotFoundError,
    HFTokenError,
)
from hugflow_assets.hub.access import HubAccess, repo_url
from hugflow_assets.hub.requests import TRY_AGAIN, Answer, passing, server_message
from hugflow_assets.wording import listed, nearest_first

_BAD_TOKEN = (
    "invalid credentials",
    "invalid username or password",
    "invalid user token",
    "token is expired",
    "revoked",
)


@dataclass(frozen=True)
class Asked:
    """What was asked for: enough to word a refusal. ``seen_before``: we hold a landing of this repository."""

    access: HubAccess
    repo_id: str
    revision: str = "main"
    path: str | None = None
    seen_before: bool = False

    @property
    def place(self) -> str:
        return f"{self.repo_id} at {self.access.endpoint}"


def refusal(answer: Answer, asked: Asked) -> HFError:
    """The error that a status of 400 and above stands for.

    Error codes come first; a plain server sends none, and then the status and the server's words decide.
    """
    code, said = answer.header("X-Error-Code"), server_message(answer).lower()
    if answer.status in TRY_AGAIN:
        return passing(asked.access, answer)
    if "access to this resource is disabled" in said or answer.status == 451:
        return disabled(asked)
    if code == "GatedRepo":
        return gated(asked, answer.status)
    if code == "RevisionNotFound":
        return revision_not_found(asked, [])
    if code == "EntryNotFound" or (asked.path is not None and answer.status == 404 and code != "RepoNotFound"):
        return missing_file(asked)
    if answer.status == 401 and asked.access.token and any(word in said for word in _BAD_TOKEN):
        return bad_token(asked.access)
    if answer.status == 410:
        return gone(asked)
    if code == "RepoNotFound" or answer.status in (401, 404):
        is_missing = code == "RepoNotFound" or answer.status == 404
        return gone(asked) if asked.seen_before and is_missing else not_found(asked)
    if answer.status == 403:
        return forbidden(asked, asked.access.redact(server_message(answer)))
    return HFError(
        asked.access.redact(f"{asked.place} answers status {answer.status}: {server_message(answer) or 'no reason'}."),
        remedy="Check the request's hf_id and revision, and HF_ENDPOINT.",
        **_facts(asked),
    )


def _facts(asked: Asked) -> dict[str, str]:
    return {"repo": asked.repo_id, "revision": asked.revision, "endpoint": asked.access.endpoint}


def not_found(asked: Asked) -> HFNotFoundError:
    """Missing, or private without access: the Hub does not tell which."""
    if asked.access.token:
        remedy = "Check the spelling of hf_id; if it is private, give the account of HF_TOKEN access to it."
    else:
        remedy = "Check the spelling of hf_id; if it is private, set HF_TOKEN to a token with access."
    return HFNotFoundError(
        f"There is no dataset {asked.place}, or it is private and {_who(asked.access)} has no access.",
        remedy=remedy,
        **_facts(asked),
    )


def _who(access: HubAccess) -> str:
    return "the account of HF_TOKEN" if access.token else "an anonymous caller"


def gone(asked: Asked) -> HFGoneError:
    return HFGoneError(
        f"The dataset {asked.place} was there and is gone (deleted, renamed or made private).",
        remedy="What is landed stays; land it from another repository, or withdraw it with a removal request.",
        **_facts(asked),
    )


def replaced(asked: Asked) -> HFGoneError:
    """Another repository has the name of the one that was landed."""
    return HFGoneError(
        f"The dataset {asked.place} is another repository than the one that was landed under this name.",
        remedy="What is landed stays; withdraw it with a removal request and ask anew to land the new one.",
        **_facts(asked),
    )


def gated(asked: Asked, status: int = 403) -> HFGatedError:
    """Terms not accepted yet; names the page where that is done."""
    page = repo_url(asked.access.endpoint, asked.repo_id)
    first = "Set HF_TOKEN, and accept" if status == 401 or not asked.access.token else "Accept"
    return HFGatedError(
        f"The dataset {asked.place} is gated, and {_who(asked.access)} has not been granted access.",
        remedy=f"{first} its terms with that token's account (and wait, if it needs approval): {page}",
        page=page,
        **_facts(asked),
    )


def disabled(asked: Asked) -> HFDisabledError:
    return HFDisabledError(
        f"The Hub has disabled access to the dataset {asked.place} for everyone.",
        remedy="Its owners can say why; there is nothing to do here but to use another dataset.",
        **_facts(asked),
    )


def bad_token(access: HubAccess) -> HFTokenError:
    return HFTokenError(
        f"{access.endpoint} refuses the token in HF_TOKEN: it is wrong, expired or revoked.",
        remedy=f"Make a new one at {access.endpoint}/settings/tokens and set HF_TOKEN, or unset it.",
        endpoint=access.endpoint,
    )


def forbidden(asked: Asked, said: str) -> HFError:
    if "gated" in said.lower() or "awaiting" in said.lower():
        return gated(asked)
    return HFError(
        f"{asked.place} forbids access to {_who(asked.access)}{': ' + said if said else ''}.",
        remedy="Give the token of HF_TOKEN read access to this repository (a fine-grained token needs it named).",
        **_facts(asked),
    )


def revision_not_found(asked: Asked, existing: list[str]) -> HFRevisionNotFoundError:
    near = nearest_first(asked.revision, existing)
    others = f" It has {listed(near)}." if near else ""
    return HFRevisionNotFoundError(
        f"The dataset {asked.place} has no revision {asked.revision!r}.{others}",
        remedy="Set `revision` to a branch, a tag or a full commit of the repository; without it, main is taken.",
        existing=near,
        **_facts(asked),
    )


def missing_file(asked: Asked) -> HFDownloadError:
    return HFDownloadError(
        f"The file {asked.path} is not in {asked.place} at {asked.revision[:12]}.",
        remedy="The Hub listed it at this commit: run again, and if it stays so tell the dataset's owners.",
        path=asked.path,
        **_facts(asked),
    )
