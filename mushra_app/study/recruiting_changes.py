"""What of a study's recruiting was changed, in sentences for the audit log.

Codes are worth money, and the way back may hold one: of codes it is only said that they changed, and of an address
whose it is.
Defines: ``differences``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from mushra_app.people.audit import kept
from mushra_app.study.recruiting import Group, Recruiting

WORDS = {
    "any": kept("any"),
    "headphones": kept("headphones"),
    "loudspeakers": kept("loudspeakers"),
    "experienced": kept("experienced"),
    "inexperienced": kept("inexperienced"),
    "none": kept("nothing"),
    "share": kept("share"),
    True: kept("yes"),
    False: kept("no"),
}


def differences(before: Recruiting, after: Recruiting) -> list[str]:
    """Which settings differ, each in a sentence: from what to what."""
    names = (name for name in Recruiting.model_fields if getattr(before, name) != getattr(after, name))
    return [_sentence(name, before, after) for name in names]


def _sentence(name: str, before: Recruiting, after: Recruiting) -> str:
    was, became = _shown(name, before), _shown(name, after)
    if was == became:
        return CHANGED[name]
    return {
        "open_link": kept(f"open link from {was} to {became}"),
        "capacity": kept(f"most listeners from {was} to {became}"),
        "free_after_h": kept(f"places free after from {was} to {became}"),
        "groups": kept(f"groups from {was} to {became}"),
        "transducer": kept(f"listening by from {was} to {became}"),
        "experience": kept(f"experience from {was} to {became}"),
        "return_url": kept(f"way back from {was} to {became}"),
        "attention": kept(f"attention failed by from {was} to {became}"),
    }[name]


CHANGED = {
    "completion_code": kept("completion code changed"),
    "screen_out_code": kept("screen-out code changed"),
    "attention_code": kept("attention code changed"),
    "return_url": kept("way back changed"),
}
"""Of what is not shown."""


def _shown(name: str, of: Recruiting) -> str:
    """A setting as the log may show it."""
    if name.endswith("_code"):
        return ""
    if name == "groups":
        return ", ".join(map(_group, of.groups)) or kept("no groups")
    if name == "return_url":
        return _server(of.return_url) or kept("nowhere")
    if name == "free_after_h":
        return kept("never") if of.free_after_h is None else f"{of.free_after_h} h"
    if name == "capacity":
        return kept("no limit") if of.capacity is None else str(of.capacity)
    return WORDS[getattr(of, name)]


def _group(group: Group) -> str:
    name, quota = group.name, group.quota
    if quota is None:
        return kept(f"{name} (any number, by link)") if group.by_link else kept(f"{name} (any number)")
    return kept(f"{name} (at most {quota}, by link)") if group.by_link else kept(f"{name} (at most {quota})")


def _server(address: str) -> str:
    """Whose address it is, and no more."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if address else ""
