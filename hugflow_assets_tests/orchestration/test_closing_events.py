"""Every request that is told to be queued has exactly one event that ends it, whatever becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from dagster import DagsterInstance, DagsterRun, RunRequest
from dagster._core.test_utils import create_run_for_test

from hugflow_assets.orchestration.assembly import definitions
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.requests_sensor import Cursor, look
from hugflow_assets.orchestration.reconcile.retry_policy import PARTITION_TAG
from hugflow_assets.orchestration.sync.run_here import execute, sync
from hugflow_assets.store import Event, EventKind, Held, Hold, now_text
from hugflow_assets_tests.closing import ends_of
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project


def ends(project: Project) -> list[tuple[str, list[Event]]]:
    return ends_of(project.store)


def once(project: Project) -> dict[str, Event]:
    """The one end of each request."""
    found = ends(project)
    assert found and all(len(closing) == 1 for _, closing in found), found
    return {name: closing[0] for name, closing in found}


def tick(project: Project, later_s: float = 0.0) -> list[RunRequest]:
    result = look(project.instance, Cursor(), Platform(), time.time() + later_s)
    return list(getattr(result, "run_requests", None) or ())


def test_every_kind_of_request_file_ends_once(speech: Project) -> None:
    speech.add("wrong", subset="nosuch")
    speech.add("missing", "org/missing")
    speech.add("twin")
    speech.write("add/broken.yaml", "hf_id: [")
    speech.write("remove/broken.yaml", "hf_id: org/other\n")
    sync(instance=speech.instance)
    found = {
        name: (event.kind, event.data.get("verdicts", [{}])[0].get("code")) for name, event in once(speech).items()
    }
    assert found == {
        SPEECH: (EventKind.LANDED, None),
        "org__speech__subset_nosuch__rev_main": (EventKind.REJECTED, "hub-subset-not-found"),
        "org__missing__rev_main": (EventKind.REJECTED, "hub-not-found"),
        "add/twin.yaml": (EventKind.REJECTED, "request-duplicate"),
        "add/broken.yaml": (EventKind.REJECTED, "request-invalid"),
        "remove/broken.yaml": (EventKind.REJECTED, "request-invalid"),
    }
    sync(instance=speech.instance)  # what failed is tried again, what cannot be read is not told again
    once(speech)
    assert [name for name, _ in ends(speech)].count("add/broken.yaml") == 1


def test_edits_and_removals_end_once(speech: Project) -> None:
    sync(instance=speech.instance)
    actions = []
    for edit in ({"owner": "ana"}, {"keep_until": "2030-01-01"}, {"text_column": "text"}):
        speech.add(**edit)
        sync(instance=speech.instance)
        actions.append(once(speech)[SPEECH].data["action"])
    assert actions == ["description", "description", "views"]
    speech.remove()
    sync(instance=speech.instance)
    removed = [event for event in once(speech).values() if event.kind is EventKind.REMOVED]
    assert [event.data["removal_path"] for event in removed] == ["remove/speech.yaml"]


def test_a_removal_that_removes_nothing_ends_once_and_is_no_success(speech: Project) -> None:
    speech.remove("misspelt", hf_id="org/speeck")
    speech.remove("early", hf_id="org/later")
    speech.add("later", hf_id="org/later")
    for _ in range(3):
        found = {one.path: one for one in sync(instance=speech.instance)}
    misspelt = found["remove/misspelt.yaml"]
    assert (misspelt.state, misspelt.error_code) == ("failed", "removal-matches-nothing")
    assert "did you mean hf_id: org/speech" in misspelt.message and misspelt.remedy
    assert (found["remove/early.yaml"].state, found["add/later.yaml"].state) == ("removed", "withdrawn")
    told = once(speech)
    assert told["remove/misspelt.yaml"].kind is EventKind.REJECTED
    assert told["remove/misspelt.yaml"].data["verdicts"][0]["code"] == "removal-matches-nothing"
    assert told["remove/early.yaml"].kind is EventKind.REMOVED
    assert told["remove/early.yaml"].data["held_back"] == "org__later__rev_main"
    assert [name for name, _ in ends(speech)].count("remove/misspelt.yaml") == 1

    speech.remove("misspelt")  # corrected: it is carried out, and what is done already is not told as refused
    for _ in range(2):
        assert {one.path: one.state for one in sync(instance=speech.instance)}["remove/misspelt.yaml"] == "removed"
    ended = [event for name, closing in ends(speech) if "misspelt" in name for event in closing]
    assert [event.kind for event in ended] == [EventKind.REJECTED, EventKind.REMOVED]


def test_a_landing_that_is_stopped_ends_once_and_lands_when_it_is_resumed(speech: Project) -> None:
    (request,) = tick(speech)
    speech.instance.add_dynamic_partitions("datasets", [SPEECH])  # as the daemon does
    speech.store.holds.write(Hold(name=SPEECH, held=Held.PAUSED, by="ana", at=now_text()))  # while it is in the queue
    assert not execute(definitions(), speech.instance, request).success
    event = once(speech)[SPEECH]
    assert (event.kind, event.data["code"]) == (EventKind.FAILED, "landing-held")
    speech.store.holds.write(Hold(name=SPEECH, held=Held.RESUMED, by="ana", at=now_text()))
    sync(instance=speech.instance)
    assert once(speech)[SPEECH].kind is EventKind.LANDED


def test_an_unforeseen_error_before_anything_begins_ends_it(speech: Project) -> None:
    (request,) = tick(speech)
    speech.instance.add_dynamic_partitions("datasets", [SPEECH])  # as the daemon does
    (speech.root / "requests/add/speech.yaml").unlink()  # between the tick and the run: the asset finds no request
    assert not execute(definitions(), speech.instance, request).success
    event = once(speech)[SPEECH]
    assert (event.kind, event.data["code"]) == (EventKind.FAILED, "unknown-dataset")


Ending = Callable[[DagsterInstance, DagsterRun], object]


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (lambda instance, run: instance.report_run_failed(run, "out of memory"), "run-died"),
        (lambda instance, run: instance.report_run_canceled(run), "landing-cancelled"),
    ],
    ids=["killed or never started", "cancelled in the UI"],
)
def test_a_run_that_says_nothing_ends_at_the_next_tick(speech: Project, ending: Ending, code: str) -> None:
    (request,) = tick(speech)
    run = create_run_for_test(
        speech.instance,
        job_name=str(request.job_name),
        tags={**request.tags, PARTITION_TAG: str(request.partition_key)},
    )
    assert tick(speech) == [] and ends(speech) == [(SPEECH, [])]  # it waits in the queue
    ending(speech.instance, run)
    tick(speech)
    event = ends(speech)[0][1][0]
    assert (event.kind, event.data["code"], event.data["run_id"]) == (EventKind.FAILED, code, run.run_id)
    tick(speech, later_s=7200)
    assert all(len(closing) <= 1 for _, closing in ends(speech)), "told once"


def test_a_request_for_which_no_run_was_ever_made_ends_too(speech: Project) -> None:
    tick(speech)  # and the daemon died before it made the run
    (speech.root / "requests/add/speech.yaml").unlink()
    tick(speech, later_s=30)
    assert ends(speech) == [(SPEECH, [])], "the run may be on its way"
    tick(speech, later_s=600)
    assert once(speech)[SPEECH].data["code"] == "landing-withdrawn"


def test_what_another_run_is_at_work_on_is_ended_by_that_one(speech: Project) -> None:
    with speech.store.leases.take(SPEECH, purpose="landing", wait_s=0):
        (found,) = sync(instance=speech.instance, wait_s=0)
        assert found.state == "landing"
    assert not any(closing for _, closing in ends(speech))
    sync(instance=speech.instance)
    assert ends(speech)[-1][1][0].kind is EventKind.LANDED
    assert sum(len(closing) for _, closing in ends(speech)) == 1


def test_a_request_that_two_find_waiting_is_queued_once(speech: Project) -> None:
    """The machine died between telling and making the run; another one looks, and two at once."""
    for _ in range(3):
        assert [run.partition_key for run in tick(speech)] == [SPEECH]  # and no run is made of it
    assert ends(speech) == [(SPEECH, [])]
    sync(instance=speech.instance)
    assert once(speech)[SPEECH].kind is EventKind.LANDED
    speech.add(owner="ana")
    tick(speech)
    sync(instance=speech.instance)
    assert [closing[0].data["action"] for _, closing in ends(speech)] == ["land", "description"]
