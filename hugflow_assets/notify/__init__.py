"""Slack and GitHub: messages made from events and verdicts, and their delivery."""

from hugflow_assets.notify.codeowners import CodeOwners
from hugflow_assets.notify.comment import MARKER, comment_body, plan_comment, story_section, with_section
from hugflow_assets.notify.delivery import Channel, Delivered, alone_at, deliver
from hugflow_assets.notify.examples import example, kinds
from hugflow_assets.notify.github_channel import STATUS_CONTEXT, GitHub, GitHubChannel
from hugflow_assets.notify.merging import GUARDS, PullFacts, Review, merge_if_allowed, merge_refusals, pull_facts
from hugflow_assets.notify.slack_channel import SlackBot, SlackWebhook, slack_channel, web_client
from hugflow_assets.notify.slack_message import slack_blocks, slack_message
from hugflow_assets.notify.story import State, Story, story_of, story_of_progress

__all__ = [
    "GUARDS",
    "MARKER",
    "STATUS_CONTEXT",
    "Channel",
    "CodeOwners",
    "Delivered",
    "GitHub",
    "GitHubChannel",
    "PullFacts",
    "Review",
    "SlackBot",
    "SlackWebhook",
    "State",
    "Story",
    "alone_at",
    "comment_body",
    "deliver",
    "example",
    "kinds",
    "merge_if_allowed",
    "merge_refusals",
    "plan_comment",
    "pull_facts",
    "slack_blocks",
    "slack_channel",
    "slack_message",
    "story_of",
    "story_of_progress",
    "story_section",
    "web_client",
    "with_section",
]
