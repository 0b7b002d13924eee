"""Pull requests, plan comments, commands, statuses and delivery."""
