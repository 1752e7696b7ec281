"""All settings of the server, in one place: defaults < file < environment < flags.

The file is ``mushra.toml`` in the working directory, the environment's names are ``MUSHRA_`` and the field in
capitals (``MUSHRA_DATA_DIR``), flags are what a command was called with. Unknown keys of the file are refused.

Conventions: folders may be relative to the working directory; ``external_url`` has no trailing slash.
Defines: ``Settings``, ``load_settings``, ``sources``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from mushra_app.errors import AppError

FILE_NAME = "mushra.toml"
ENVIRONMENT_PREFIX = "MUSHRA_"

WebAddress = Annotated[
    str, StringConstraints(pattern=r"^https?://[^/]+"), AfterValidator(lambda address: address.rstrip("/"))
]


class Settings(BaseSettings):
    """What the server needs to know; frozen once loaded."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, toml_file=FILE_NAME, extra="forbid", frozen=True)

    data_dir: Path = Field(default=Path("mushra-data"), description="database, sounds and keys lie here")
    database_url: str | None = Field(
        default=None, description="SQLAlchemy address; an SQLite file in data_dir if unset"
    )
    database_password_file: Path | None = Field(
        default=None, description="file that holds the password of database_url, such as a container's secret"
    )
    host: str = Field(default="127.0.0.1", description="address that the server listens on")
    port: int = Field(default=8000, ge=0, le=65535, description="port that the server listens on; 0 takes a free one")
    threads: int = Field(default=16, ge=1, le=256, description="requests served at once, by each process")
    workers: int | None = Field(
        default=None, ge=1, le=64, description="processes of gunicorn; 3 if unset, 1 with SQLite"
    )
    graceful_stop_s: int = Field(
        default=30, ge=1, le=3600, description="seconds that requests under way are given when the server is stopped"
    )
    external_url: WebAddress | None = Field(default=None, description="how listeners reach the server, behind a proxy")
    trusted_proxies: int = Field(
        default=0, ge=0, le=8, description="proxies in front whose X-Forwarded-For, -Proto and -Host are believed"
    )
    metrics: bool = Field(default=False, description="answer /metrics, to whoever shows metrics.key of the data folder")
    sound_by: Literal["app", "x-accel-redirect", "x-sendfile"] = Field(
        default="app", description="who sends sounds: the app, or the proxy in front on its word"
    )
    marked_cache_mb: int = Field(default=2048, ge=1, description="sounds kept ready for the proxy, in MB")
    media_url: Annotated[str, StringConstraints(pattern="://")] | None = Field(
        default=None, description="object store behind the sounds' folder, such as s3://bucket/prefix"
    )
    media_cache_mb: int = Field(default=10240, ge=1, description="sounds kept here where media_url is set, in MB")
    largest_upload_mb: int = Field(
        default=2000, ge=1, description="largest archive of a stimulus set that is taken in the studio, in MB"
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="json: one line per request on stderr, with its id, for machines"
    )
    job_time_limit_s: float = Field(default=3600, gt=0, description="seconds after which a worker ends a job")
    # Not less: a report has mapped 450 MB when it begins, and OpenBLAS spins for ever where it gets no memory.
    job_memory_mb: int = Field(default=4096, ge=1024, description="address space of each process of a job, in MB")

    keep_personal_days: float | None = Field(
        default=None, gt=0, description="days after a session's start after which personal answers are erased"
    )

    @property
    def address(self) -> str:
        """How listeners reach the server, as far as the settings know."""
        return self.external_url or f"http://{self.host}:{self.port}"

    @property
    def database_file(self) -> Path:
        """Where the embedded database lies."""
        return self.data_dir / "mushra.sqlite3"

    @property
    def media_dir(self) -> Path:
        """Where published sounds lie."""
        return self.data_dir / "media"

    @property
    def marked_dir(self) -> Path:
        """Where sounds lie for the proxy; nothing but a cache."""
        return self.data_dir / "marked"

    @property
    def tmp_dir(self) -> Path:
        """Where answers lie while they are sent, in files without names."""
        return self.data_dir / "tmp"

    @property
    def uploads_dir(self) -> Path:
        """Where stimulus sets lie that were sent to the studio."""
        return self.data_dir / "uploads"

    @property
    def sets_dir(self) -> Path:
        """Where stimulus sets lie that the studio made of others."""
        return self.data_dir / "sets"

    @property
    def drafts_dir(self) -> Path:
        """Where experiment files lie that jobs read."""
        return self.data_dir / "drafts"

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before the environment before the file."""
        return init_settings, named["env_settings"], TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: Any) -> Settings:
    """Settings of this process.

    Parameters
    ----------
    flags : fields by name; ``None`` means that the flag was not given.

    Raises
    ------
    AppError
        With one line per setting that can't be used, saying where it was found.
    """
    given = _given(flags)
    try:
        return Settings(**given)
    except tomllib.TOMLDecodeError as error:
        raise AppError(f"{FILE_NAME}: not valid TOML: {error}") from None
    except ValidationError as error:
        where = sources(**given)
        lines = (
            f"{where.get(name := str(detail['loc'][0]), FILE_NAME)}: {name}: {detail['msg']}; found {detail['input']!r}"
            for detail in error.errors()
        )
        raise AppError("\n".join(lines)) from None


def sources(**flags: Any) -> dict[str, str]:
    """For every setting, where its value comes from: ``flag``, ``environment``, the file or ``default``."""
    path = Path(FILE_NAME)
    in_file = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    in_environment = {name.upper() for name in os.environ}

    def source(name: str) -> str:
        if name in _given(flags):
            return "flag"
        if f"{ENVIRONMENT_PREFIX}{name.upper()}" in in_environment:
            return "environment"
        return FILE_NAME if name in in_file else "default"

    return {name: source(name) for name in Settings.model_fields}


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}
