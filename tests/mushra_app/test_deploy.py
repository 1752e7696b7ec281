"""``deploy/`` without an engine: linted, held against schemas, and its own command lines run natively, end to end.

What the Dockerfile copies is built into a wheel and unpacked; compose.yaml's commands run out of that, with its
variables and with nginx.conf in front. Changed are names of machines, ports, paths and the certificate, no more.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from gunicorn_process import free_port, status_of, wait_until_it_answers
from listener import begin, rate_all
from server_guests import Guest, as_json, body_of

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.security import metrics_key
from mushra_app.simulated.ear import Ear, Listener
from mushra_app.simulated.walk import Walker

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("upgrade", "app", "worker")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with what follows each, continued lines joined."""
    text = re.sub(r"\\\n(\s*)", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[str]:
    """What the Dockerfile takes out of the repository."""
    return [
        source
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]


def image_environment() -> dict[str, str]:
    """Our settings in the image."""
    words = [word for name, rest in instructions() if name == "ENV" for word in shlex.split(rest)]
    return {name: value for name, _, value in (word.partition("=") for word in words) if name.startswith("MUSHRA_")}


def last(name: str) -> str:
    return [rest for found, rest in instructions() if found == name][-1]


def test_the_dockerfile_passes_its_linter() -> None:
    done = subprocess.run([BIN / "hadolint", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_one() -> None:
    check = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_takes_what_it_needs_and_nothing_secret() -> None:
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in allowed and {line[1:] for line in allowed if line.startswith("!")} == set(copied())
    assert all((ROOT / source).exists() for source in copied())
    assert last("USER") == "10001"
    assert not re.search(r"(?i)(password|secret|key)\s*=", (DEPLOY / "Dockerfile").read_text())
    assert json.loads(last("CMD")) == SERVICES["app"]["command"]


def test_only_the_proxy_is_open_and_nothing_secret_is_written_down() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"] == {"internal": True} and "outside" not in SERVICES["database"]["networks"]
    told = [value for service in SERVICES.values() for value in service.get("environment", {}).items()]
    assert all(name.endswith("_FILE") for name, _ in told if "PASSWORD" in name)
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == {"./secrets/database_password"}
    assert not any(volume.startswith("data:") for volume in SERVICES["proxy"]["volumes"]), "the keys are not nginx's"


def test_services_are_confined_checked_and_stopped_in_time() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] and service["security_opt"] == ["no-new-privileges:true"], name
        assert "healthcheck" in service or name == "app", name  # the app's is the image's
        assert service.get("restart") == (None if name == "upgrade" else "unless-stopped")
    assert all(SERVICES[name]["cap_drop"] == ["ALL"] for name in (*OURS, "proxy"))
    assert "/readyz" in last("HEALTHCHECK")
    app = SERVICES["app"]
    assert int(app["stop_grace_period"][:-1]) > int(app["environment"]["MUSHRA_GRACEFUL_STOP_S"])
    for name in ("app", "worker"):
        assert SERVICES[name]["depends_on"]["upgrade"]["condition"] == "service_completed_successfully"
    server = re.match(r"postgres:(\d+)", SERVICES["database"]["image"])
    client = re.search(r"postgresql-client-(\d+)", (DEPLOY / "Dockerfile").read_text())
    assert server and client and server[1] == client[1], "mushra db backup needs programs of the server's version"


@dataclass
class Deployed:
    """compose.yaml's services, running: ``url`` is nginx' over TLS, ``inside`` is gunicorn's."""

    url: str
    redirecting: str
    inside: str
    settings: Settings
    environment: dict[str, str]
    folder: Path
    proxy_folder: Path = field(init=False)
    app: subprocess.Popen[str] = field(init=False)

    def run(self, command: list[str], **popen: Any) -> subprocess.Popen[str]:
        """One of the image's commands."""
        path = os.pathsep.join((str(self.folder / "image/bin"), str(BIN), os.environ["PATH"]))
        found = shutil.which(command[0], path=path)
        assert found
        return subprocess.Popen([found, *command[1:]], env=self.environment, text=True, cwd=self.folder, **popen)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile installs: the wheel of what it copies."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "source").mkdir()
    for source in copied():
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, folder / "source" / source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = [*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, folder / "source"]
    subprocess.run(built, check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", folder / "image", wheel], check=True)
    return folder


@pytest.fixture(scope="module")
def database_address(postgresql: str) -> Iterator[str]:
    """The database that compose.yaml's service makes."""
    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE mushra LOGIN PASSWORD 'from a file'")
        connection.execute("CREATE DATABASE mushra OWNER mushra")
    yield postgresql.rpartition("@")[2]
    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE mushra WITH (FORCE)")
        connection.execute("DROP ROLE mushra")


@pytest.fixture(scope="module")
def deployed(image: Path, database_address: str, stimuli: Path) -> Iterator[Deployed]:
    """Tables, a study, the app, nginx; what has to end with 0 is seen to."""
    ports = {name: free_port() for name in ("app", "http", "https")}
    (image / "password").write_text("from a file\n")
    told = image_environment() | SERVICES["app"]["environment"]
    assert told["MUSHRA_DATABASE_URL"] == "postgresql://mushra@database:5432/mushra"
    url = f"https://localhost:{ports['https']}"
    told |= {
        "MUSHRA_DATABASE_URL": f"postgresql://mushra@{database_address}/mushra",
        "MUSHRA_DATABASE_PASSWORD_FILE": str(image / "password"),
        "MUSHRA_EXTERNAL_URL": url,
        "MUSHRA_DATA_DIR": str(image / "data"),
        "MUSHRA_HOST": "127.0.0.1",
        "MUSHRA_PORT": str(ports["app"]),
        "PYTHONPATH": os.pathsep.join((str(image / "image"), str(Path(__file__).parent))),
        "TMPDIR": str(image),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUSHRA_")}
    settings = Settings(data_dir=image / "data", database_url=f"postgresql://mushra@{database_address}/mushra")
    inside = f"http://127.0.0.1:{ports['app']}"
    found = Deployed(url, f"http://localhost:{ports['http']}", inside, settings, kept | told, image)
    upgrade = found.run(SERVICES["upgrade"]["command"], stdout=subprocess.PIPE)
    assert upgrade.communicate(timeout=60)[0].startswith("empty -> ") and upgrade.returncode == 0
    assert found.run(["mushra", "publish", str(stimuli)], stdout=subprocess.PIPE).wait(timeout=60) == 0
    with (image / "app.log").open("w") as log:
        found.app = found.run([*SERVICES["app"]["command"], "sees:app"], stdout=log, stderr=log)
    wait_until_it_answers(inside, found.app)
    with nginx(ports, settings) as found.proxy_folder:
        yield found
    if found.app.poll() is None:
        found.app.terminate()
        found.app.wait(timeout=40)


@contextmanager
def nginx(ports: dict[str, int], settings: Settings) -> Iterator[Path]:
    """nginx with the configuration that is shipped; this process trusts its certificate meanwhile."""
    with tempfile.TemporaryDirectory(prefix="mushra-nginx-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        write_configuration(folder, ports, settings)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-p", name, "-c", str(folder / "nginx.conf")]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert checked.returncode == 0 and "warn" not in checked.stderr, checked.stderr
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*command, "-g", "daemon off;"], stdout=log, stderr=log)
        patch.setenv("SSL_CERT_FILE", str(folder / "certificate/fullchain.pem"))
        try:
            wait_until_it_answers(f"https://localhost:{ports['https']}", process)
            yield folder
        finally:
            process.terminate()
            process.wait(timeout=20)


def write_configuration(folder: Path, ports: dict[str, int], settings: Settings) -> None:
    """nginx.conf with other ports and paths, and a certificate that is signed by itself."""
    text = (DEPLOY / "nginx.conf").read_text()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    for shipped, here in {
        "user nginx;": "user root;" if os.geteuid() == 0 else "",
        "pid /run/nginx.pid;": f"pid {folder}/pid;",
        "http {\n": f"http {{\n{scratch}",
        "include mime.types;": "include /etc/nginx/mime.types;",
        "access_log /dev/stdout ": f"access_log {folder}/access.log ",
        "listen 80;": f"listen 127.0.0.1:{ports['http']};",
        "listen 443 ssl;": f"listen 127.0.0.1:{ports['https']} ssl;",
        "server app:8000 ": f"server 127.0.0.1:{ports['app']} ",
        "/data/marked;": f"{settings.data_dir}/marked;",
    }.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    (folder / "nginx.conf").write_text(text)
    shutil.copy(DEPLOY / "nginx-sounds.conf", folder)
    (folder / "certificate").mkdir()
    key, certificate = folder / "certificate/privkey.pem", folder / "certificate/fullchain.pem"
    asked = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"]
    named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "2", *asked, *named], check=True, capture_output=True)


def opened(url: str, **headers: str) -> Any:
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30)


def test_the_image_is_healthy_by_its_own_check(deployed: Deployed) -> None:
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    command = [word.replace("http://127.0.0.1:8000", deployed.inside) for word in command]
    assert deployed.run(command).wait(timeout=20) == 0


def test_plain_http_leads_to_https_and_answers_carry_the_headers(deployed: Deployed) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as led:
        urllib.request.build_opener(Stay).open(f"{deployed.redirecting}/listen/tiny?lang=de", timeout=30)
    assert (led.value.code, led.value.headers["Location"]) == (308, "https://localhost/listen/tiny?lang=de")
    led.value.close()
    with opened(f"{deployed.url}/listen/tiny") as answer:
        headers = answer.headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000" and headers["Server"] == "nginx"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(headers["Set-Cookie"].split("; "))
        request_id = headers["X-Request-ID"]
    assert f'"request_id": "{request_id}"' in (deployed.folder / "app.log").read_text()


def test_the_app_sees_who_asks_nginx_and_not_what_they_claim(deployed: Deployed) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp"}
    port = int(deployed.url.rpartition(":")[2])
    asking = http.client.HTTPSConnection("localhost", port, timeout=30, source_address=("127.0.0.7", 0))
    asking.request("GET", "/seen", headers=forged)
    seen = json.loads(asking.getresponse().read())
    asking.close()
    assert (seen["address"], seen["url"]) == ("127.0.0.7", f"{deployed.url}/")
    assert Path(seen["code"]).is_relative_to(deployed.folder / "image"), "not the wheel's code"
    with opened(f"{deployed.inside}/seen", **{"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}) as answer:
        assert json.loads(answer.read())["address"] == "198.51.100.7", "one hop is believed"


def test_every_line_of_the_apps_log_is_json_and_none_says_who_asked(deployed: Deployed) -> None:
    with socket.create_connection(("127.0.0.1", int(deployed.inside.rpartition(":")[2])), timeout=30) as raw:
        raw.sendall(b"WOMBAT\r\n\r\n")
        assert b"400" in raw.recv(1000)
    lines = [json.loads(line) for line in (deployed.folder / "app.log").read_text().splitlines()]
    assert "Invalid request" in [line.get("message") for line in lines]
    assert not any(word in json.dumps(lines) for word in ("WOMBAT", "127.0.0.", "evil.example"))


def test_metrics_are_for_inside_and_marked_sounds_for_nobody(deployed: Deployed) -> None:
    key = {"Authorization": f"Bearer {metrics_key(deployed.settings)}"}
    for path in ("/metrics", "/marked-sounds/x", "/marked-sounds/../secret.key"):
        assert status_of(urllib.request.Request(deployed.url + path, headers=key)) == 404
    with opened(f"{deployed.inside}/metrics", **key) as answer:
        assert "mushra_requests_total" in answer.read().decode()


def test_a_listener_takes_the_whole_test_over_tls(deployed: Deployed) -> None:
    assert Walker(Listener(1, 1, careless=False), Ear()).take(f"{deployed.url}/listen/tiny") == 3


def test_a_save_of_a_hundred_kilobytes_passes(deployed: Deployed) -> None:
    database = Database(deployed.settings)
    page = Guest(database).trial()
    event = {"at_s": 1.5, "kind": "play", "sound": page.sounds[0].token, "value": None}
    body = as_json(body_of(page, events=[event] * 1300))
    headers = {"Origin": deployed.url, "Content-Type": "application/json"}
    assert len(body) > 100_000
    assert status_of(urllib.request.Request(deployed.url + page.save_url, body, headers, method="PUT")) == 200
    database.close()


def test_chromium_rates_a_trial_over_tls_in_the_secure_engine(deployed: Deployed, launch: Any) -> None:
    browser = launch("--ignore-certificate-errors")
    page = browser.new_page()
    begin(page, deployed.url)
    assert page.evaluate("isSecureContext") is True
    first = rate_all(page)
    browser.close()
    with Database(deployed.settings).reading() as db:
        engine = db.connection().exec_driver_sql(
            "SELECT engine FROM save JOIN trial ON trial.id = save.trial_id WHERE trial.token = %s", (first,)
        )
        assert engine.scalar_one() == "audioworklet"


def test_the_worker_waits_for_jobs_and_stops_when_asked(deployed: Deployed) -> None:
    worker = deployed.run(SERVICES["worker"]["command"], stdout=subprocess.PIPE)
    assert worker.stdout is not None and worker.stdout.readline().startswith("waiting for jobs")
    worker.terminate()
    assert worker.wait(timeout=20) == 0


def test_asked_to_stop_it_answers_the_save_that_waits_for_the_database(deployed: Deployed) -> None:
    """The last test here: afterwards there is no app."""
    database = Database(deployed.settings)
    page = Guest(database).trial()
    headers = {"Origin": deployed.url, "Content-Type": "application/json"}
    save = urllib.request.Request(deployed.url + page.save_url, as_json(body_of(page)), headers, method="PUT")
    with database.engine.connect() as locked, ThreadPoolExecutor() as pool:
        locked.exec_driver_sql("LOCK TABLE save IN ACCESS EXCLUSIVE MODE")
        answered = pool.submit(status_of, save)
        wait_until_waiting(database)
        deployed.app.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            deployed.app.wait(timeout=1)
        locked.rollback()
        assert answered.result(timeout=30) == 200
    assert deployed.app.wait(timeout=40) == 0
    assert not list(deployed.folder.glob("mushra-metrics-*"))
    database.close()
    assert status_of(save) == 502
    until = time.monotonic() + 10  # nginx writes its line after the answer
    while " PUT 502 " not in (said := logs_of(deployed)) and time.monotonic() < until:
        time.sleep(0.05)
    assert " PUT 502 " in said and not any(word in said for word in ("/session/", "127.0.0.", "localhost")), said


def logs_of(deployed: Deployed) -> str:
    return "".join((deployed.proxy_folder / name).read_text() for name in ("log", "access.log"))


def wait_until_waiting(database: Database) -> None:
    """Until a connection waits for a lock."""
    for _ in range(200):
        with database.engine.connect() as connection:
            if connection.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").first():
                return
        time.sleep(0.05)
    raise AssertionError("the save did not reach the database")
