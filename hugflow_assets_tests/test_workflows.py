"""The workflows: what they may do, that linters find nothing in them, and that validation needs no heavy library."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hugflow_assets.notify.github.auto_merge import VALIDATION_CONTEXT

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ALLOWED = ("pydantic", "pydantic_settings", "pydantic_core", "yaml", "typer", "rich")
# What those five bring along.
BROUGHT = (
    "annotated_doc", "annotated_types", "click", "dotenv", "markdown_it", "mdurl", "pygments", "shellingham",
    "typing_extensions", "typing_inspection",
)  # fmt: skip


def workflow(name: str) -> dict[Any, Any]:
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())


def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_zizmor_finds_nothing_and_each_waiver_has_its_reason() -> None:
    done = tool("zizmor", "--offline", "--persona", "auditor", ".github")
    assert done.returncode == 0, done.stdout + done.stderr
    waivers = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "zizmor: ignore" in line]
    assert all(line.partition("]")[2].strip() for line in waivers)


def test_workflows_follow_github_s_schema() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_has_rights_by_default_or_runs_without_an_end(path: Path) -> None:
    told = yaml.safe_load(path.read_text())
    assert told["permissions"] == {}
    assert "pull_request_target" not in path.read_text()
    for job in told["jobs"].values():
        assert job["timeout-minutes"] > 0
        assert "write" not in str(job.get("permissions"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_step_is_one_command_and_takes_no_text_of_strangers(path: Path) -> None:
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for step in job["steps"]:
            run = step.get("run", "")
            assert "\n" not in run.strip()
            assert "${{" not in run
            assert not any(sign in run for sign in ("&&", "||", ";", "|"))


def test_validation_is_of_every_pull_request_on_a_hosted_runner_without_secrets() -> None:
    told = workflow("request-validate")
    # YAML 1.1 reads `on` as true; no paths filter; an edit of the base is another change, and so is a merge queue's.
    assert told[True].keys() == {"pull_request", "merge_group"}
    assert told[True]["pull_request"] == {"types": ["opened", "synchronize", "reopened", "edited"]}
    (job,) = told["jobs"].values()
    assert job["name"] == VALIDATION_CONTEXT  # the check that AUTO_MERGE looks at
    assert job["runs-on"].startswith("ubuntu-")
    assert job["permissions"] == {"contents": "read"}
    assert "secrets." not in (ROOT / ".github/workflows/request-validate.yml").read_text()


def test_sync_is_bound_to_a_runner_group_and_never_runs_for_pull_requests() -> None:
    told = workflow("dataset-sync")
    assert set(told[True]) == {"push", "workflow_dispatch"}
    assert told[True]["push"] == {"branches": ["main"]}
    (job,) = told["jobs"].values()
    assert job["runs-on"]["group"]
    assert job["timeout-minutes"] <= 7200


@pytest.fixture
def validate(tmp_path: Path) -> Callable[[], tuple[int, str, str]]:
    """The very command of the workflow, where importing anything but the five libraries fails."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import sys\n"
        f"allowed = {{*sys.stdlib_module_names, *{ALLOWED!r}, *{BROUGHT!r}, 'hugflow_assets'}}\n"
        "class Only:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top not in allowed and not top.startswith(('__editable__', '_', 'usercustomize')):\n"
        "            raise ImportError(f'{name} is not installed on this runner')\n"
        "sys.meta_path.insert(0, Only())\n"
    )
    for folder in ("base/requests/add", "base/requests/remove", "proposed/requests/add", "proposed/requests/remove"):
        (tmp_path / folder).mkdir(parents=True)
    step = workflow("request-validate")["jobs"]["request-validate"]["steps"][-1]
    words = shlex.split(step["run"])
    assert words[0] == "hugflow"

    def run() -> tuple[int, str, str]:
        summary = tmp_path / "summary.md"
        done = subprocess.run(
            [str(Path(sys.executable).parent / "hugflow"), *words[1:]],
            cwd=tmp_path / step["working-directory"],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "GITHUB_STEP_SUMMARY": str(summary)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, summary.read_text() if summary.exists() else done.stderr

    return run


def test_validation_runs_with_five_libraries_and_annotates_line_and_column(
    tmp_path: Path, validate: Callable[[], tuple[int, str, str]]
) -> None:
    (tmp_path / "proposed/requests/add/x.yaml").write_text("hf_id: org/x\ndescription: Fine.\nsubset: [a]\n")
    code, out, summary = validate()
    assert code == 1
    assert out.startswith("::error file=requests/add/x.yaml,line=3,col=9,title=request-invalid::")
    assert "requests/add/x.yaml:3:9" in summary
    (tmp_path / "proposed/requests/add/x.yaml").write_text("hf_id: org/x\ndescription: Fine.\n")
    code, out, _ = validate()
    assert (code, out) == (0, "")


def test_two_requests_for_the_same_data_are_found_without_the_hub(
    tmp_path: Path, validate: Callable[[], tuple[int, str, str]]
) -> None:
    (tmp_path / "base/requests/add/a.yaml").write_text("hf_id: org/x\ndescription: Fine.\n")
    for name in "ab":
        (tmp_path / f"proposed/requests/add/{name}.yaml").write_text("hf_id: org/x\ndescription: Fine.\n")
    code, out, _ = validate()
    assert code == 1
    assert [line.partition(",")[0] for line in out.splitlines()] == [
        "::error file=requests/add/b.yaml",
        "::warning file=requests/add/a.yaml",
    ]


def test_what_was_wrong_before_does_not_fail_a_change_of_something_else(
    tmp_path: Path, validate: Callable[[], tuple[int, str, str]]
) -> None:
    for folder in ("base", "proposed"):
        (tmp_path / f"{folder}/requests/add/old.yaml").write_text("nonsense\n")
    (tmp_path / "proposed/requests/add/x.yaml").write_text("hf_id: org/x\ndescription: Fine.\n")
    code, out, _ = validate()
    assert code == 0
    assert out.startswith("::warning file=requests/add/old.yaml")


def test_text_of_strangers_starts_no_command_and_no_markup(
    tmp_path: Path, validate: Callable[[], tuple[int, str, str]]
) -> None:
    name = "a,line=1::x%0A.yaml"
    for at in range(12):
        (tmp_path / f"proposed/requests/add/{at:02}{name}").write_text(
            'hf_id: "::set-output name=x::y\\n::error::no"\ndescription: <b>@everyone</b>\n<script>: 1\n'
        )
    code, out, summary = validate()
    assert code == 1
    lines = out.splitlines()
    commands = lines[: lines.index(next(line for line in lines if line.startswith("::stop-commands::")))]
    assert len(commands) == 10
    for line in commands:
        assert line.startswith("::error file=requests/add/")
        assert line.partition("::")[2].count("::") >= 1
        assert ",line=1%3A%3A" not in line.partition(",line=")[0]
    assert "%2Cline=1%3A%3Ax%250A.yaml" in commands[0]
    token = lines[len(commands)].removeprefix("::stop-commands::")
    assert lines[-1] == f"::{token}::"
    assert "<script>" not in summary
    assert "<b>" not in summary
