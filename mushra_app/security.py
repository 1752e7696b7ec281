"""Keys, tokens, origins and headers: who may do what.

Keys are made at the first start and kept in the data folder, readable by their owner only: ``secret.key`` signs
cookies and links, ``studio.key`` opens the studio, ``metrics.key`` shows what ``/metrics`` counts. A listener's session
is authorised by the token in its address, of which the database knows the SHA-256 only.

Defines: ``secret_key``, ``studio_key``, ``metrics_key``, ``new_token``, ``token_sha256``, ``mark_of``,
``simulated_link_token``, ``is_simulated_link``, ``place_link_token``, ``place_of_link``, ``invitation_link_token``,
``invitation_of_link``, ``listener_token``, ``is_same_origin``, ``HEADERS``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.datastructures import Headers

from mushra_app.config import Settings
from mushra_app.errors import AppError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; media-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # the address holds the session's token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

SIMULATED = {"simulated": True}


def secret_key(settings: Settings) -> str:
    """The key that signs cookies and links."""
    return _kept_key(settings.data_dir / "secret.key")


def letters_key(settings: Settings) -> str:
    """What shuffles the letters of contrasts while a study runs: nobody knows it who can't read the data folder."""
    return hashlib.sha256(f"letters {secret_key(settings)}".encode()).hexdigest()


def studio_key(settings: Settings) -> str:
    """The key that opens the studio."""
    return _kept_key(settings.data_dir / "studio.key")


def metrics_key(settings: Settings) -> str:
    """The key that shows what ``/metrics`` counts."""
    return _kept_key(settings.data_dir / "metrics.key")


def is_studio_key(settings: Settings, key: str) -> bool:
    """Whether ``key`` opens the studio; takes equally long for every wrong one."""
    return hmac.compare_digest(key.encode(), studio_key(settings).encode())


def _kept_key(path: Path) -> str:
    """Read the key in ``path``; make it first where there is none. Two processes at once agree on one key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            path.hardlink_to(part)  # unlike a rename, this never replaces the key that another process has made
        except FileExistsError:
            pass
        finally:
            part.unlink()
    key = path.read_text().strip()
    if len(key) < 32:
        raise AppError(f"{path}: too short for a key; delete the file, and a new one will be made")
    return key


def new_token() -> str:
    """A token that can't be guessed: 128 random bits, fit for an address."""
    return secrets.token_urlsafe(16)


def token_sha256(token: str) -> str:
    """What the database keeps of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def mark_of(secret: str, slot: str) -> bytes:
    """32 bytes that only this server can tell of a slot: with them, equal sounds are unequal files."""
    return hmac.digest(secret.encode(), b"mark of " + slot.encode(), "sha256")


def simulated_link_token(secret: str) -> str:
    """The ``as`` of a link for simulated listeners: ``/listen/<study>?as=<token>``."""
    return str(URLSafeSerializer(secret, salt="simulated").dumps(SIMULATED))


def is_simulated_link(secret: str, token: str) -> bool:
    """Whether this server's key signed ``token`` for simulated listeners."""
    try:
        return URLSafeSerializer(secret, salt="simulated").loads(token) == SIMULATED
    except BadSignature:
        return False


def place_link_token(secret: str, name: str) -> str:
    """The ``place`` of a link that is opened at a listening place: ``/listen/<study>?place=<token>``."""
    return str(URLSafeSerializer(secret, salt="place").dumps(name))


def place_of_link(secret: str, token: str) -> str | None:
    """The name of the place whose link this server's key signed; None for any other token."""
    try:
        return str(URLSafeSerializer(secret, salt="place").loads(token))
    except BadSignature:
        return None


def invitation_link_token(secret: str, invitation: int) -> str:
    """The ``invitation`` of a personal link: ``/listen/<study>?invitation=<token>``."""
    return str(URLSafeSerializer(secret, salt="invitation").dumps(invitation))


def invitation_of_link(secret: str, token: str) -> int | None:
    """Which invitation this server's key signed; None for any other token."""
    try:
        return int(URLSafeSerializer(secret, salt="invitation").loads(token))
    except (BadSignature, TypeError, ValueError):
        return None


def listener_token(secret: str, code: str) -> str:
    """The token of the first session of the listener with that code, which only this server can tell.

    So one who comes back by an invitation is led to their session, and the database still knows no token.
    """
    digest = hmac.digest(secret.encode(), b"session of " + code.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def is_same_origin(headers: Headers, own: Collection[str]) -> bool:
    """Whether a request was sent by one of our own pages.

    Parameters
    ----------
    headers : the request's headers.
    own : our origins, such as ``http://127.0.0.1:8000``.

    Browsers send ``Sec-Fetch-Site`` to secure addresses only, and ``Origin: null`` from beacons under our
    referrer policy; so each of the two may be missing, but one has to speak for the request and none against.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site not in (None, "same-origin") or (origin not in (None, "null") and origin not in own):
        return False
    return site == "same-origin" or origin in own
