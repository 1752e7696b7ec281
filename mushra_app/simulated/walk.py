"""A simulated listener over plain HTTP: fills in the forms it meets, fetches every sound, saves every trial.

It reads the same pages as a browser and uses the same routes; nothing on the server is made for it.
Defines: ``Walker``, ``trial_body``.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any

from mushra_app.errors import AppError
from mushra_app.simulated.ear import Ear, Listener

MOST_PAGES = 2000
TIMEOUT_S = 60


class Form(HTMLParser):
    """What a listener can fill in on a page, and the trial it carries, if any."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.answers: dict[str, str] = {}
        self.trial: dict[str, Any] | None = None
        self._in_trial = False
        self._select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the fields of the form, with an answer to each."""
        attributes = {name: value or "" for name, value in attrs}
        name, kind = attributes.get("name", ""), attributes.get("type", "text")
        if tag == "form" and attributes.get("method", "get").lower() == "post":
            self.action = attributes.get("action", "")
        elif tag == "script" and attributes.get("id") == "trial":
            self._in_trial = True
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and attributes.get("value"):
            self.answers.setdefault(self._select, attributes["value"])
        elif tag in ("input", "textarea", "button") and name and self.action is not None:
            typed = {"number": "33", "text": "simulated", "checkbox": "on"}
            self.answers.setdefault(name, attributes.get("value") or typed.get(kind, ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        if tag == "script":
            self._in_trial = False
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        """The trial's JSON."""
        if self._in_trial:
            self.trial = json.loads(data)


class Walker:
    """One simulated listener with a cookie jar of its own."""

    def __init__(self, listener: Listener, ear: Ear) -> None:
        self.listener = listener
        self.ear = ear
        jar = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(jar)

    def take(self, url: str) -> int:
        """Take the whole test that begins at ``url``; returns how many trials were saved."""
        saved = 0
        for _ in range(MOST_PAGES):
            url, html = self._open(url)
            form = Form(html)
            if form.trial:
                url = urllib.parse.urljoin(url, self._rate(url, form.trial))
                saved += 1
            elif form.action is not None:
                data = urllib.parse.urlencode(form.answers).encode()
                url, _ = self._open(urllib.parse.urljoin(url, form.action or url), data, referer=url)
            else:
                return saved
        raise AppError(f"{url}: still not at the end after {MOST_PAGES} pages")

    def _rate(self, url: str, trial: dict[str, Any]) -> str:
        """Hear every sound, rate it, save the trial; returns where to go next."""
        reference = self._fetch(url, trial["references"][0])
        qualities = [self.ear.quality(reference, self._fetch(url, sound)) for sound in trial["sounds"]]
        body = trial_body(trial, self.listener.ratings(trial["number"], qualities))
        request = urllib.request.Request(
            urllib.parse.urljoin(url, trial["save_url"]), json.dumps(body).encode(), _json_headers(url), method="PUT"
        )
        return json.loads(self._answer(request)[1])["next"]

    def _fetch(self, url: str, sound: dict[str, str]) -> bytes:
        with self._opener.open(urllib.parse.urljoin(url, sound["url"]), timeout=TIMEOUT_S) as answer:
            return answer.read()

    def _open(self, url: str, data: bytes | None = None, referer: str = "") -> tuple[str, str]:
        headers = {"Referer": referer, "Origin": _origin(referer)} if referer else {}
        return self._answer(urllib.request.Request(url, data, headers))

    def _answer(self, request: urllib.request.Request) -> tuple[str, str]:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            said = " ".join(error.read().decode(errors="replace").split())[:300]
            raise AppError(f"{request.full_url}: the server answered {error.code}: {said}") from None
        except urllib.error.URLError as error:
            raise AppError(f"{request.full_url}: no answer: {error.reason}; is mushra serve running?") from None


def trial_body(trial: dict[str, Any], ratings: list[int]) -> dict[str, Any]:
    """What a page sends when a trial is saved, for a listener who heard each sound twice."""
    seconds = trial["frames"] / trial["rate_hz"]
    return {
        "key": uuid.uuid4().hex,
        "revision": trial["revision"] + 1,
        "ratings": [
            {"sound": sound["token"], "value": value, "moved": True, "heard_s": round(2 * seconds, 2), "plays": 2}
            for sound, value in zip(trial["sounds"], ratings, strict=True)
        ],
        "comment": "",
        "trial_s": round(2.5 * seconds * len(ratings), 1),
        "engine": "simulated",
        "fade_mode": trial["switching"],
        "gain_db": trial["gain_db"],
        "rate_hz": trial["rate_hz"],
        "base_latency_s": 0.0,
        "output_latency_s": 0.0,
        "events": [],
    }


def _origin(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _json_headers(url: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Origin": _origin(url), "Referer": url}
