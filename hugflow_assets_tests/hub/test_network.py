"""The settings of the network reach the wire: proxy, CA bundle, offline mode, tokens."""

from __future__ import annotations

import ipaddress
import os
import pickle
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hugflow_assets.errors import HFError, HFUnreachableError
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.settings import load_settings
from hugflow_assets_tests.faulty_hub import FaultyHub


class _Whoami(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"name": "someone"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "ca.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@contextmanager
def tls_hub(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Whoami) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_ca_bundle_of_the_settings_is_trusted(certificate: Path) -> None:
    with tls_hub(certificate) as url:
        trusting = HubAccess(url, token="hf_any", ssl_cert_file=certificate, retries=0)
        assert Hub(trusting).whoami() == "someone"


def test_a_server_that_nobody_vouches_for_names_the_setting_that_would(certificate: Path) -> None:
    with tls_hub(certificate) as url, pytest.raises(HFUnreachableError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        Hub(HubAccess(url, token="hf_any", backoff_s=1000)).whoami()
    assert "SSL_CERT_FILE" in caught.value.remedy


def test_a_ca_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HFError, match=r"missing\.pem") as caught:
        Hub(HubAccess("https://127.0.0.1:9", ssl_cert_file=tmp_path / "missing.pem")).ping()
    assert "SSL_CERT_FILE" in caught.value.remedy


def test_the_proxy_of_the_settings_is_asked_and_its_password_is_not_told() -> None:
    asked: list[bytes] = []

    class Proxy(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.request.recv(65536).split(b"\r\n")[0])
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        proxy = f"http://user:secret@127.0.0.1:{server.server_address[1]}"
        access = HubAccess("https://hub.invalid", https_proxy=proxy, backoff_s=1000)
        with pytest.raises(HFUnreachableError, match="the proxy refused") as caught:
            Hub(access).ping()
        server.shutdown()
    assert asked == [b"CONNECT hub.invalid:443 HTTP/1.1"]
    assert "secret" not in f"{caught.value}{caught.value.details}{access!r}"


def test_offline_mode_asks_nobody(hub: FaultyHub) -> None:
    code = "import sys; from hugflow_assets.hub import Hub, HubAccess; Hub(HubAccess(sys.argv[1])).ping()"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    asked = subprocess.run([sys.executable, "-c", code, hub.url], env=environment, capture_output=True, text=True)
    assert "HFUnreachableError" in asked.stderr and "HF_HUB_OFFLINE is set" in asked.stderr
    assert hub.requests == []


def test_access_is_what_the_settings_say_and_keeps_its_secrets(tmp_path: Path) -> None:
    settings = load_settings(
        hf_endpoint="http://127.0.0.1:1/", hf_token=" hf_secret ", read_timeout="7s", hub_retries=2, retry_max_wait="1m"
    )
    access = HubAccess.of(settings)
    assert (access.endpoint, access.token, access.read_timeout_s) == ("http://127.0.0.1:1", "hf_secret", 7)
    assert (access.retries, access.retry_max_wait_s) == (2, 60)
    assert "hf_secret" not in repr(access)
    assert pickle.loads(pickle.dumps(access)) == access
    assert HubAccess.of(load_settings(hf_token="  ")).token is None
