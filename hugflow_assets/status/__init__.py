"""The state of every dataset: asked for beside landed, in one report that the command and the UI show."""
