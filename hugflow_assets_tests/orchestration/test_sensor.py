"""Ticks of the sensor: level-triggered, never doubled, and alive whatever it meets."""

from __future__ import annotations

import time

import orjson
from dagster import AssetCheckEvaluation, DagsterRunStatus, RunRequest, SensorResult, SkipReason
from dagster._core.test_utils import create_run_for_test

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.requests_sensor import Cursor, look, tick
from hugflow_assets.orchestration.reconcile.retry_policy import PARTITION_TAG
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets.store import EventKind
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project

NOW = 2_000_000_000.0


def ticked(project: Project, cursor: str | None = None, now: float = NOW) -> SensorResult:
    result = look(project.instance, Cursor.of(cursor), Platform(), now)
    assert isinstance(result, SensorResult), result
    return result


def requests_of(result: SensorResult) -> list[RunRequest]:
    return list(result.run_requests or ())


def look_now(project: Project) -> list[RunRequest]:
    result = look(project.instance, Cursor.of(None), Platform(), time.time())
    return requests_of(result) if isinstance(result, SensorResult) else []


def run_of(project: Project, request: RunRequest, status: DagsterRunStatus, **tags: str) -> None:
    told = {**request.tags, PARTITION_TAG: str(request.partition_key), **tags}
    create_run_for_test(project.instance, job_name=str(request.job_name), status=status, tags=told)


def test_a_new_file_becomes_a_partition_and_a_run_that_names_it(speech: Project) -> None:
    result = ticked(speech)
    (request,) = requests_of(result)
    assert request.partition_key == SPEECH
    assert request.tags[".dagster/hugflow_request"] == "add/speech.yaml"
    assert [one.partition_keys for one in result.dynamic_partitions_requests or ()] == [[SPEECH]]


def test_a_run_in_flight_is_not_doubled(speech: Project) -> None:
    (request,) = requests_of(ticked(speech))
    run_of(speech, request, DagsterRunStatus.STARTED)
    import time

    assert requests_of(ticked(speech, now=time.time())) == []


def test_a_then_b_then_a_runs_three_times(speech: Project) -> None:
    keys = []
    for text in ("A", "B", "A"):
        speech.add(description=text)
        (request,) = requests_of(ticked(speech))
        keys.append(request.run_key)
        run_of(speech, request, DagsterRunStatus.SUCCESS)
    assert len(set(keys)) == 3


def test_what_was_removed_and_is_wanted_again_lands_at_once(speech: Project) -> None:
    (first,) = requests_of(ticked(speech))
    run_of(speech, first, DagsterRunStatus.SUCCESS)
    assert not look_now(speech), "it landed just now and is gone by accident"
    sync(instance=speech.instance)
    removal = speech.remove()
    sync(instance=speech.instance)
    removal.unlink()
    (again,) = look_now(speech)
    assert again.partition_key == SPEECH
    assert again.run_key != first.run_key


def test_what_failed_for_good_waits_for_an_edit(speech: Project) -> None:
    (request,) = requests_of(ticked(speech))
    run_of(
        speech,
        request,
        DagsterRunStatus.FAILURE,
        **{"hugflow/error": "hub-gone", ".dagster/hugflow_transient": "false"},
    )
    assert requests_of(ticked(speech)) == []
    speech.add(description="Corrected.")
    assert len(requests_of(ticked(speech))) == 1


def test_one_malformed_file_stops_nothing_else_and_is_told_on_the_requests_asset(speech: Project) -> None:
    speech.write("add/malformed.yaml", "hf_id: [")
    result = ticked(speech)
    assert len(requests_of(result)) == 1
    checks = [event for event in result.asset_events if isinstance(event, AssetCheckEvaluation)]
    assert [event.passed for event in checks] == [False]
    assert "add/malformed.yaml" in str(checks[0].metadata["table"].value)


def test_at_most_a_hundred_runs_a_tick_and_a_small_cursor(project: Project) -> None:
    for number in range(130):
        project.add(f"r{number:03}", f"org/name{number}")
    result = ticked(project)
    assert len(requests_of(result)) == 100
    assert len(str(result.cursor)) < 300


def test_an_unchanged_tick_is_skipped_until_it_is_time_to_look_again(project: Project) -> None:
    result = ticked(project)
    cursor = Cursor.of(result.cursor)
    assert isinstance(look(project.instance, cursor, Platform(), NOW + 1), SkipReason)
    assert isinstance(look(project.instance, cursor, Platform(), cursor.look_at + 1), SensorResult)


def test_an_unreadable_source_skips_the_tick_and_says_so(project: Project) -> None:
    from dagster import build_sensor_context

    (project.root / "requests").rename(project.root / "elsewhere")
    with build_sensor_context(instance=project.instance, definitions=definitions()) as context:
        result = tick(context)
    assert isinstance(result, SkipReason)
    assert "request-source-unreadable" in str(result.skip_message)


def test_a_cursor_that_cannot_be_read_is_a_fresh_start(speech: Project) -> None:
    assert len(requests_of(ticked(speech, "not a cursor"))) == 1


def test_a_request_deleted_before_it_landed_leaves_the_list(speech: Project) -> None:
    speech.instance.add_dynamic_partitions("datasets", [SPEECH, "../../evil"])
    (speech.root / "requests/add/speech.yaml").unlink()
    asked = ticked(speech).dynamic_partitions_requests or ()
    assert [sorted(one.partition_keys) for one in asked] == [["../../evil", SPEECH]]


def test_a_landing_that_the_log_does_not_know_is_told_once(speech: Project) -> None:
    sync(instance=speech.instance)
    (log,) = speech.store.layout.events.glob("*.jsonl")
    told = log.read_bytes().splitlines(keepends=True)
    published = next(at for at, line in enumerate(told) if b'"landed"' in line)
    log.write_bytes(b"".join(told[:published]))  # which no kill does, but a log that is brought back from a backup
    with speech.store.leases.take(SPEECH, purpose="landing"):
        look_now(speech)
        assert [one.kind.value for one in speech.store.events.read()] == ["requested", "started"]  # it may yet be told
    for _ in range(2):
        look_now(speech)
    *_, started, landed = speech.store.events.read()
    assert (started.kind.value, landed.kind.value, landed.seq) == ("started", "landed", 3)
    before = orjson.loads(told[published])["data"]
    of_the_run = {"run_id", "action", "seconds", "bytes_fetched"}
    assert {key: value for key, value in landed.data.items() if key not in of_the_run} == {
        key: value for key, value in before.items() if key not in of_the_run
    }
    sync(instance=speech.instance)
    assert speech.store.events.last_seq() == 3


def test_one_broken_event_keeps_no_other_request_from_its_run(speech: Project) -> None:
    rotten = {"seq": 1, "time": "yesterday", "kind": "requested", "name": "org__other__rev_main", "data": {"path": "x"}}
    log = speech.store.layout.events
    speech.store.events.append(EventKind.QUOTA, "storage")
    segment = next(log.glob("*.jsonl"))
    segment.write_bytes(orjson.dumps(rotten) + b"\n" + segment.read_bytes().replace(b'"seq":1', b'"seq":2'))
    result = ticked(speech)
    assert [one.partition_key for one in requests_of(result)] == [SPEECH]
    assert result.cursor
