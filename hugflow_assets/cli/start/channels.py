"""Whether GitHub and Slack can be reached as the settings say: for ``hugflow doctor``, without a message to anyone."""

from __future__ import annotations

from hugflow_assets.errors import DeliveryError
from hugflow_assets.settings import Settings

Told = tuple[bool, str, str]  # whether it is well, what it is, what to do


def github_told(settings: Settings) -> Told | None:
    """The repository and the account that comments; None where neither is set."""
    if settings.github_token is None and settings.github_repository is None:
        return None
    from hugflow_assets.notify import GitHub

    github = GitHub.of(settings)
    if github is None:
        unset = "GITHUB_TOKEN" if settings.github_token is None else "GITHUB_REPOSITORY"
        return False, f"off: {unset} is not set", f"Set {unset}, or neither of the two."
    try:
        with github.errors(f"{settings.github_repository}"):
            github.repo.get_pulls(state="open").get_page(0)
            account = github.login or "an account that GitHub does not name for this kind of token"
        if missing := github.missing_rights(merging=settings.auto_merge):
            lacks = f"{settings.github_repository} answers, but the token lacks: {', '.join(missing)}"
            return False, lacks, "Give the token these rights; deploy/single/README.md names all of them."
        return True, f"{settings.github_repository} answers, as {account}, with every right that is needed", ""
    except DeliveryError as error:
        remedy = "Correct GITHUB_REPOSITORY and GITHUB_TOKEN; deploy/single/README.md names the token's rights."
        return False, error.message, remedy


def slack_told(settings: Settings) -> Told | None:
    """The channel, as the bot sees it; None where Slack is not set."""
    from hugflow_assets.notify import SlackBot, slack_channel

    if (settings.slack_bot_token is None) != (settings.slack_channel is None):
        missing = "SLACK_BOT_TOKEN" if settings.slack_bot_token is None else "SLACK_CHANNEL"
        return False, f"no bot: {missing} is not set", f"Set {missing} as well."
    channel = slack_channel(settings)
    if not isinstance(channel, SlackBot):
        return None if channel is None else (True, "a webhook is set; `hugflow message` shows what it is sent", "")
    try:
        missing_scopes = channel.look()
    except DeliveryError as error:
        remedy = "Invite the bot; give it chat:write and channels:history (groups:history); SLACK_CHANNEL is an id."
        return False, error.message, remedy
    if missing_scopes:
        return False, f"the bot lacks the scope {', '.join(missing_scopes)}", "Add it to the app, and install it anew."
    return True, f"the bot reads channel {settings.slack_channel}", ""


def refusals_told(settings: Settings) -> list[tuple[str, str]]:
    """The channels that have refused messages for good in the last week, and what they said last."""
    from datetime import UTC, datetime, timedelta

    from hugflow_assets.notify import GitHubChannel, SlackBot, refusals
    from hugflow_assets.store import Store

    store, since = Store.of(settings), datetime.now(UTC) - timedelta(days=7)
    every = {name: refusals(store, name, since=since) for name in (GitHubChannel.name, SlackBot.name)}
    return [
        (name, f"{len(refused):,} refused for good this week; the last: {refused[-1].problem}")
        for name, refused in every.items()
        if refused
    ]
