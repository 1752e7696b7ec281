"""Settings, their order and their mistakes; keys made once; the commands that show and refuse."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mushra_app import security, server_cli
from mushra_app.config import Settings, load_settings, sources
from mushra_app.errors import AppError

MAKE_KEY = """
import sys, pathlib
from mushra_app.config import Settings
from mushra_app.security import secret_key
print(secret_key(Settings(data_dir=pathlib.Path(sys.argv[1]))))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without settings, and an environment without them."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MUSHRA_{name.upper()}", raising=False)
    return tmp_path


def test_flags_before_environment_before_file_before_defaults(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8000
    (here / "mushra.toml").write_text('port = 1\nthreads = 2\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("MUSHRA_PORT", "3")
    monkeypatch.setenv("MUSHRA_THREADS", "4")
    found = load_settings(port=5, host=None)
    assert (found.port, found.threads, found.host) == (5, 4, "0.0.0.0")
    assert sources(port=5) | {"data_dir": "default"} == {
        "data_dir": "default",
        "database_url": "default",
        "database_password_file": "default",
        "host": "mushra.toml",
        "port": "flag",
        "threads": "environment",
        "workers": "default",
        "graceful_stop_s": "default",
        "external_url": "default",
        "trusted_proxies": "default",
        "metrics": "default",
        "sound_by": "default",
        "marked_cache_mb": "default",
        "media_url": "default",
        "media_cache_mb": "default",
        "log_format": "default",
        "job_time_limit_s": "default",
        "job_memory_mb": "default",
        "largest_upload_mb": "default",
        "keep_personal_days": "default",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 70000", r"mushra.toml: port: .*70000"),
        ("prot = 1", r"mushra.toml: prot: .*not permitted"),
        ("port = ", r"mushra.toml: not valid TOML"),
        ("job_memory_mb = 1", r"mushra.toml: job_memory_mb: .*found 1"),
        ('external_url = "lab"', r"mushra.toml: external_url: .*'lab'"),
        ("trusted_proxies = -1", r"mushra.toml: trusted_proxies: .*found -1"),
        ("workers = 0", r"mushra.toml: workers: .*found 0"),
        ('sound_by = "nginx"', r"mushra.toml: sound_by: .*'x-accel-redirect' or 'x-sendfile'; found 'nginx'"),
        ('media_url = "bucket"', r"mushra.toml: media_url: .*found 'bucket'"),
        ('log_format = "xml"', r"mushra.toml: log_format: .*'text' or 'json'; found 'xml'"),
    ],
)
def test_a_mistake_says_where_it_is(here: Path, text: str, said: str) -> None:
    (here / "mushra.toml").write_text(text)
    with pytest.raises(AppError, match=said):
        load_settings()


def test_the_command_shows_sources_and_masks_secrets(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSHRA_DATABASE_URL", "postgresql://lab:hunter2@db/listening")
    key = security.studio_key(load_settings())
    shown = CliRunner().invoke(server_cli.config, []).output
    monkeypatch.setenv("MUSHRA_MEDIA_URL", "ftp://lab:hunter3@store/sounds")
    shown += CliRunner().invoke(server_cli.config, []).output
    assert "ftp://***@store/sounds" in shown and "hunter3" not in shown
    assert "hunter2" not in shown and "lab:***@db" in shown and "[environment]" in shown
    assert key not in shown and "********" in shown


def test_keys_are_made_once_for_their_owner_only(here: Path) -> None:
    settings = load_settings()
    first = security.secret_key(settings)
    assert security.secret_key(settings) == first != security.studio_key(settings)
    assert stat.S_IMODE((settings.data_dir / "secret.key").stat().st_mode) == 0o600
    assert not list(settings.data_dir.glob("*.part"))


def test_processes_that_start_at_once_agree_on_one_key(here: Path) -> None:
    command = [sys.executable, "-c", MAKE_KEY, str(here / "data")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert len({process.communicate()[0] for process in started}) == 1


def test_an_empty_key_file_is_refused(here: Path) -> None:
    settings = load_settings()
    settings.data_dir.mkdir()
    (settings.data_dir / "secret.key").write_text("\n")
    with pytest.raises(AppError, match="too short"):
        security.secret_key(settings)


def test_links_of_places_are_signed_and_no_other_link_will_do() -> None:
    token = security.place_link_token("k" * 43, "Kabine 1 – vorn")
    assert security.place_of_link("k" * 43, token) == "Kabine 1 – vorn"
    assert security.place_of_link("l" * 43, token) is None
    assert security.place_of_link("k" * 43, "x" + token) is None
    assert security.place_of_link("k" * 43, "Booth 1") is None
    assert security.place_of_link("k" * 43, security.simulated_link_token("k" * 43)) is None
    assert not security.is_simulated_link("k" * 43, token)


def test_links_for_simulated_listeners_are_signed() -> None:
    token = security.simulated_link_token("k" * 43)
    assert security.is_simulated_link("k" * 43, token)
    assert not security.is_simulated_link("k" * 43, token[:-1] + ("a" if token[-1] != "a" else "b"))
    assert not security.is_simulated_link("l" * 43, token)
