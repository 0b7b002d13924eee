"""deploy/single: units that systemd accepts, an instance that Dagster loads, a proxy that refuses what it must."""

from __future__ import annotations

import base64
import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import yaml

SINGLE = Path(__file__).parent.parent / "deploy/single"
UNITS = sorted(SINGLE.glob("*.service"))
HOST = "hugflow.example.org"
PASSWORD = "Basic " + base64.b64encode(b"ada:secret").decode()


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed here (Debian: apt-get install systemd nginx-light); .ci/run installs it")
    return found


# ---- systemd


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with programs that exist on this machine."""
    made = []
    for unit in UNITS:
        target = tmp_path / unit.name
        target.write_text(unit.read_text().replace("/opt/hugflow/.venv", sys.prefix))
        made.append(target)
    return made


def test_systemd_accepts_every_unit(units: list[Path]) -> None:
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *map(str, units)], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if "hugflow" in line]
    assert (done.returncode, said) == (0, []), done.stderr


def test_systemd_finds_little_that_a_unit_could_do(units: list[Path]) -> None:
    for unit in units:
        done = subprocess.run(
            [tool("systemd-analyze"), "security", "--offline=true", "--threshold=35", str(unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_as_nobody_special_and_its_options_exist(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert "User=hugflow" in lines
    command = next(line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")).split()
    program = Path(sys.prefix) / "bin" / Path(command[0]).name
    told = [word for word in command[1:] if not word.startswith("-")]
    subcommands = told[: 2 if command[1] == "api" else 1] if not command[1].startswith("-") else []
    usage = subprocess.run([program, *subcommands, "--help"], capture_output=True, text=True, check=True).stdout
    for option in (word for word in command if word.startswith("--")):
        assert option in usage


# ---- Dagster


def test_dagster_loads_the_instance_and_repeats_no_failure(tmp_path: Path) -> None:
    from dagster import DagsterInstance

    from hugflow_assets.orchestration.assembly import LANDING

    text = (SINGLE / "dagster.yaml").read_text().replace("/var/lib/hugflow", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(text)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_retries_enabled is False
        assert instance.run_monitoring_enabled
        concurrency = instance.get_concurrency_config()
        pools, queue = concurrency.pool_config, concurrency.run_queue_config
        assert queue is not None and pools.pool_granularity is not None
        assert pools.pool_granularity.value == "op"
        assert pools.default_pool_limit == 4
        assert queue.max_concurrent_runs == 8
        (limit,) = queue.tag_concurrency_limits
        assert {limit["key"]: limit["value"]} == LANDING
        assert limit["limit"] < 8  # there is room beside the landings
        assert instance.get_tick_retention_settings is not None


def test_landings_and_whole_readings_have_a_pool_each() -> None:
    from hugflow_assets.orchestration.assets.dataset import dataset
    from hugflow_assets.orchestration.assets.dataset_profile import dataset_profile
    from hugflow_assets.orchestration.assets.removed_dataset import removed_dataset

    assert dataset.op.pool == "hub"
    assert dataset_profile.op.pool == "disk"
    assert removed_dataset.op.pool == "disk"


def test_webserver_and_daemon_find_the_code_server_where_it_listens() -> None:
    (location,) = yaml.safe_load((SINGLE / "workspace.yaml").read_text())["load_from"]
    assert f"--socket {location['grpc_server']['socket']} " in (SINGLE / "hugflow-code.service").read_text()


# ---- the proxy


class Upstream(http.server.BaseHTTPRequestHandler):
    """Stands where the webserver does, and keeps what reaches it."""

    seen: list[tuple[str, str, dict[str, str]]]

    def handle_any(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, {key.lower(): value for key, value in self.headers.items()}))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def self_signed(folder: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Proxy:
    """nginx with our configuration, and what it let through."""

    def __init__(self, port: int, seen: list[tuple[str, str, dict[str, str]]]) -> None:
        self.port, self.seen = port, seen

    def ask(self, method: str = "GET", path: str = "/", *, body: str | None = None, **headers: str) -> int:
        """The status of one request; a header of None is left out."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        told = {"Host": HOST, "Authorization": PASSWORD} | {key.replace("_", "-"): one for key, one in headers.items()}
        connection.request(method, path, body=body, headers={key: one for key, one in told.items() if one})
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    nginx = tool("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    (folder / "tls").mkdir()
    (folder / "catalogue/d").mkdir(parents=True)
    (folder / "catalogue/index.html").write_text("<h1>Datasets</h1>")
    self_signed(folder / "tls")
    (folder / "htpasswd").write_text("ada:{PLAIN}secret\n")
    Upstream.seen = []
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port = free_port()
    for name in ("nginx.conf", "proxy.conf"):
        text = (SINGLE / name).read_text()
        text = text.replace("/etc/hugflow", str(folder)).replace("127.0.0.1:3000", f"127.0.0.1:{upstream.server_port}")
        text = text.replace("/var/lib/hugflow/www", str(folder))
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        (folder / name).write_text(text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};"))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "main.conf").write_text(
        f"daemon off; {user} pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary} include {folder}/nginx.conf; }}\n"
    )
    process = subprocess.Popen([nginx, "-c", str(folder / "main.conf"), "-e", str(folder / "error.log")])
    try:
        _wait_for(port, process, folder / "error.log")
        yield Proxy(port, Upstream.seen)
    finally:
        process.terminate()
        process.wait(timeout=10)
        upstream.shutdown()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text()
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_the_catalogue_is_behind_the_same_login_and_can_only_be_read(proxy: Proxy) -> None:
    seen = len(proxy.seen)
    assert proxy.ask(path="/catalogue/") == 200 and proxy.ask(path="/catalogue") == 301
    assert proxy.ask(path="/catalogue/", Authorization="") == 401
    assert proxy.ask("POST", "/catalogue/", body="x") == 405
    assert proxy.ask(path="/catalogue/d/") == 403
    assert len([one for one in proxy.seen[seen:] if "catalogue" in one[1]]) == 0


def test_the_ui_works_with_a_password(proxy: Proxy) -> None:
    assert proxy.ask() == 200
    assert proxy.ask("POST", "/graphql", body="{}", Origin=f"https://{HOST}", Sec_Fetch_Site="same-origin") == 200
    assert proxy.ask("GET", "/graphql", Upgrade="websocket", Connection="Upgrade", Origin=f"https://{HOST}") == 200


def test_the_password_and_the_foreign_name_stay_outside(proxy: Proxy) -> None:
    proxy.ask("GET", "/runs")
    _, _, headers = proxy.seen[-1]
    assert "authorization" not in headers
    assert headers["host"].startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("status", "method", "path", "headers"),
    [
        (401, "GET", "/", {"Authorization": ""}),
        (401, "POST", "/graphql", {"Authorization": "Basic " + base64.b64encode(b"ada:wrong").decode()}),
        (405, "GET", "/graphql?query=mutation%7BterminateRun(runId:%22x%22)%7B__typename%7D%7D", {}),
        (405, "HEAD", "/graphql?query=mutation", {}),
        (405, "PUT", "/graphql", {}),
        (405, "GET", "/graphql/?query=mutation", {}),
        (405, "POST", "/", {}),
        (405, "DELETE", "/logs/x", {}),
        (421, "GET", "/", {"Host": "evil.example"}),
        (421, "POST", "/graphql", {"Host": "127.0.0.1"}),
        (421, "POST", "/graphql", {"Host": f"{HOST}.evil.example"}),
        (403, "POST", "/graphql", {"Origin": "https://evil.example"}),
        (403, "POST", "/graphql", {"Origin": "null"}),
        (403, "POST", "/graphql", {"Origin": f"http://{HOST}"}),
        (403, "POST", "/graphql", {"Origin": f"https://{HOST}.evil.example"}),
        (403, "GET", "/graphql", {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://evil.example"}),
        (403, "POST", "/graphql", {"Sec_Fetch_Site": "cross-site"}),
        (403, "POST", "/report_asset_materialization/dataset", {}),
    ],
)  # fmt: skip
def test_what_must_not_pass_is_refused(
    proxy: Proxy, status: int, method: str, path: str, headers: dict[str, str]
) -> None:
    before = len(proxy.seen)
    assert proxy.ask(method, path, body="{}" if method == "POST" else None, **headers) == status
    assert len(proxy.seen) == before


# ---- containers

ROOT = SINGLE.parent.parent
COMPOSE = yaml.safe_load((SINGLE.parent / "compose/compose.yaml").read_text())
VALUES = yaml.safe_load((SINGLE.parent / "kubernetes/values.yaml").read_text())


def settings_known() -> set[str]:
    from hugflow_assets.settings import Settings

    return {name.upper() for name in Settings.model_fields}


def test_compose_is_what_its_schema_says() -> None:
    done = subprocess.run(
        [Path(sys.prefix) / "bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(SINGLE.parent / "compose/compose.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_service_of_ours_has_privileges_or_a_way_in_past_the_proxy() -> None:
    for name in ("code", "daemon", "webserver"):
        service = COMPOSE["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] and service["security_opt"] == ["no-new-privileges:true"]
    assert COMPOSE["services"]["proxy"]["network_mode"] == "service:webserver"
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert [port.rpartition(":")[2] for port in ports] == ["443"]
    assert "--host 127.0.0.1" in COMPOSE["services"]["webserver"]["command"]


def test_deployments_name_settings_that_exist() -> None:
    compose = COMPOSE["services"]["code"]["environment"].keys()
    lines = (SINGLE.parent / "compose/hugflow.env.example").read_text().splitlines()
    of_file = {line.partition("=")[0] for line in lines if line}
    values = VALUES["dagsterDaemon"]["env"].keys()
    named = {one for one in (*compose, *of_file, *values) if not one.startswith("POSTGRES_")}
    assert named <= settings_known() | {"HF_TOKEN"}


def test_a_landing_in_the_cluster_is_bounded_and_nobody_special() -> None:
    launcher = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    assert launcher["resources"]["limits"]["memory"]
    assert launcher["runK8sConfig"]["podSpecConfig"]["securityContext"]["runAsNonRoot"] is True
    assert VALUES["ingress"]["enabled"] is False
    assert VALUES["dagsterDaemon"]["runRetries"]["enabled"] is False


def test_the_image_copies_what_the_project_installs_from() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)
    assert set(copied) == kept
    assert "USER 10001:10001" in lines


def test_the_instance_of_the_containers_is_that_of_one_machine_but_for_its_storage() -> None:
    single = yaml.safe_load((SINGLE / "dagster.yaml").read_text())
    containers = yaml.safe_load((SINGLE.parent / "compose/dagster.yaml").read_text())
    assert single.pop("storage").keys() == {"sqlite"}
    assert containers.pop("storage").keys() == {"postgres"}
    assert single == containers


def test_the_driver_of_postgresql_is_the_one_that_is_installed() -> None:
    containers = yaml.safe_load((SINGLE.parent / "compose/dagster.yaml").read_text())
    scheme = containers["storage"]["postgres"]["postgres_db"]["scheme"]
    assert scheme == VALUES["postgresql"]["postgresqlScheme"]
    driver = scheme.partition("+")[2]
    assert re.search(rf"^{driver}(-binary)?==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
