"""The project and command line of the CLI's tests, for the tests of whole lives."""

from hugflow_assets_tests.cli.conftest import project, run, speech_hub

__all__ = ["project", "run", "speech_hub"]
