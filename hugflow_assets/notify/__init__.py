"""Slack and GitHub: messages made from events and verdicts, and their delivery."""

from hugflow_assets.notify.delivery import BatchChannel, Channel, alone_at, deliver
from hugflow_assets.notify.delivery_state import Delivered, Refusal, refusals
from hugflow_assets.notify.examples import example, kinds
from hugflow_assets.notify.github.auto_merge import (
    GUARDS,
    Merged,
    PullFacts,
    Review,
    merge_if_allowed,
    merge_refusals,
    pull_facts,
)
from hugflow_assets.notify.github.channel import GitHubChannel
from hugflow_assets.notify.github.client import PLAN_CONTEXT, STATUS_CONTEXT, GitHub
from hugflow_assets.notify.github.codeowners import CodeOwners
from hugflow_assets.notify.github.comment import MARKER, comment_body, message_section
from hugflow_assets.notify.openlineage import OpenLineageChannel
from hugflow_assets.notify.request_messages import RequestMessage, State, message_of, message_of_progress
from hugflow_assets.notify.slack.channel import SlackBot, SlackWebhook, slack_channel, web_client
from hugflow_assets.notify.slack.message import slack_blocks, slack_message

__all__ = [
    "GUARDS",
    "MARKER",
    "PLAN_CONTEXT",
    "STATUS_CONTEXT",
    "BatchChannel",
    "Channel",
    "CodeOwners",
    "Delivered",
    "GitHub",
    "GitHubChannel",
    "Merged",
    "OpenLineageChannel",
    "PullFacts",
    "Refusal",
    "RequestMessage",
    "Review",
    "SlackBot",
    "SlackWebhook",
    "State",
    "alone_at",
    "comment_body",
    "deliver",
    "example",
    "kinds",
    "merge_if_allowed",
    "merge_refusals",
    "message_of",
    "message_of_progress",
    "message_section",
    "pull_facts",
    "refusals",
    "slack_blocks",
    "slack_channel",
    "slack_message",
    "web_client",
]
