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
        missing = "GITHUB_TOKEN" if settings.github_token is None else "GITHUB_REPOSITORY"
        return False, f"off: {missing} is not set", f"Set {missing}, or neither of the two."
    try:
        with github.errors(f"{settings.github_repository}"):
            github.repo.get_pulls(state="open").get_page(0)
            return True, f"{settings.github_repository} answers, as {github.login}", ""
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
        channel.look()
    except DeliveryError as error:
        remedy = "Invite the bot; give it chat:write and channels:history (groups:history); SLACK_CHANNEL is an id."
        return False, error.message, remedy
    return True, f"the bot reads channel {settings.slack_channel}", ""
