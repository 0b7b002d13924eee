"""`sync --ci-mode` beside a daemon, as far as no daemon is needed to see it."""

from __future__ import annotations

from hugflow_assets.orchestration.sync.wait_for_daemon import wait_for_daemon
from hugflow_assets.store import Held, Hold, now_text
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project


def test_what_a_person_pauses_meanwhile_is_reported_as_held_and_not_waited_for(speech: Project) -> None:
    def pause(_: float) -> None:
        assert speech.store.holds.read(SPEECH) != held, "it is waited for all the same"
        speech.store.holds.write(held)

    held = Hold(name=SPEECH, held=Held.PAUSED, by="ben", at=now_text())
    (found,) = wait_for_daemon(still_alive=lambda: True, instance=speech.instance, pause=pause) or []
    assert (found.state, found.action) == ("held", "no-op")
    assert "by ben" in found.message and "hugflow resume" in found.remedy


def test_a_daemon_that_stops_is_not_waited_for(speech: Project) -> None:
    alive = iter([True, True])
    waited = wait_for_daemon(still_alive=lambda: next(alive, False), instance=speech.instance, pause=lambda _: None)
    assert waited is None
