"""Local servers that speak GitHub's and Slack's protocols: they keep state, check authentication and fail on demand."""
