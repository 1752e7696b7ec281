"""The contact sheet of a version: every clip with what is known of it, item by item, and the rules of the set.

What is heard openly and once more hidden is shown once where it is the same to the sample. Condition names stand here:
whoever looks has built them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, undefer

from mushra_app.models import Clip, Item, Study, StudyVersion
from mushra_app.people.logins import Visitor
from mushra_app.studio.sounds.drawing import BOX, Pictures
from mushra_app.studio.sounds.pages import Card, ItemRow, Made, Mark, SoundsPage
from mushra_app.studio.tabs import head_of
from mushra_app.study import lifecycle
from mushra_app.study.work import Works
from stimuli.manifest import RuleResult

SEVERITIES = ("must", "should", "note")
ROLES = ("hidden_reference", "reference", "system", "anchor", "mixture")
"""In the order in which they are shown."""
HIDDEN_AS = {"reference": "hidden_reference", "mixture": "anchor"}
SHORT = 12
"""So much of a hash tells files apart for people."""

LARGEST_KEY = 2**31 - 1
"""Databases refuse larger ones by an error."""

Place = tuple[str, str, str]
"""Item, condition and role: what a clip is known by in the manifest and in the tables alike."""


def sounds(
    db: Session, version: StudyVersion, visitor: Visitor, works: Works, pictures: Pictures, *, published: str = ""
) -> SoundsPage:
    """The page of one version; ``published`` is what publishing it has just done."""
    query = select(StudyVersion).where(StudyVersion.id == version.id).options(undefer(StudyVersion.manifest))
    manifest = db.scalars(query.execution_options(populate_existing=True)).one().manifest
    rules = [RuleResult.model_validate(rule) for rule in manifest.get("rules", ())]
    broken = sorted((rule for rule in rules if not rule.passed), key=lambda rule: SEVERITIES.index(rule.severity))
    tokens = {(clip["item"], clip["condition"], clip["role"]): clip["token"] for clip in manifest["clips"]}
    items = select(Item).where(Item.study_version_id == version.id).order_by(Item.position)
    loaded = db.scalars(items.options(selectinload(Item.clips).joinedload(Clip.condition))).all()
    shown: dict[str, tuple[str, str]] = {}
    rows = tuple(_row(item, broken, tokens, pictures, shown) for item in loaded)
    return SoundsPage(
        head=head_of(db, lifecycle.current(db, version.study.name), visitor),
        shown=version.number,
        status=version.status,
        others=tuple(other.number for other in version.study.versions if other is not version),
        published=published,
        broken=tuple(_mark(rule, shown) for rule in broken),
        met=tuple(_mark(rule, {}) for rule in rules if rule.passed),
        items=rows,
        conditions=tuple(dict.fromkeys(card.condition for row in rows for card in row.cards)),
        made=tuple(_made(manifest["clips"])),
        works=works,
        box=BOX,
    )


def clip_of(db: Session, study: str, clip: int) -> Clip:
    """One clip of a study by its number; NotFoundError for that of another one."""
    if clip > LARGEST_KEY:
        raise lifecycle.no_such_study(study)
    versions = select(StudyVersion.id).join(Study).where(Study.name == study)
    found = db.scalar(select(Clip).join(Item).where(Clip.id == clip, Item.study_version_id.in_(versions)))
    if found is None:
        raise lifecycle.no_such_study(study)
    return found


def _row(
    item: Item,
    broken: Sequence[RuleResult],
    tokens: Mapping[Place, str],
    pictures: Pictures,
    shown: dict[str, tuple[str, str]],
) -> ItemRow:
    """An item; ``shown`` learns which card shows the clip of a token."""
    cards = []
    for group in sorted(
        _shown_together(item.clips), key=lambda group: (ROLES.index(group[-1].role), group[-1].condition_id)
    ):
        own = {tokens.get((item.name, clip.condition.name, clip.role), "") for clip in group}
        card = _card(group, [rule for rule in broken if own & set(rule.clips)], pictures)
        shown |= dict.fromkeys(own, (f"{card.condition} · {item.name}", card.id))
        cards.append(card)
    return ItemRow(
        name=item.name,
        song=item.song,
        start_s=item.start_s,
        length_s=item.length_s,
        target=item.target,
        dataset=item.dataset,
        use=item.use,
        cards=tuple(cards),
    )


def _shown_together(clips: Iterable[Clip]) -> list[tuple[Clip, ...]]:
    """Clips one by one; an open one comes with the hidden one that is the same sound."""
    left = list(clips)
    pairs: list[tuple[Clip, ...]] = []
    for clip in [clip for clip in left if clip.role in HIDDEN_AS]:
        same = (one for one in left if one.role == HIDDEN_AS[clip.role] and one.samples_sha256 == clip.samples_sha256)
        if twin := next(same, None):
            left = [one for one in left if one not in (clip, twin)]
            pairs.append((clip, twin))
    return [*pairs, *((clip,) for clip in left)]


def _card(group: tuple[Clip, ...], broken: Sequence[RuleResult], pictures: Pictures) -> Card:
    clip = group[-1]  # the hidden one: it is what is rated
    return Card(
        id=f"clip-{clip.id}",
        clip=clip.id,
        condition=clip.condition.name,
        role=clip.role if len(group) == 1 else f"open {clip.role}",
        lufs=clip.lufs,
        gain_db=clip.gain_db,
        true_peak_dbtp=clip.true_peak_dbtp,
        length_s=clip.frames / clip.rate_hz,
        marks=tuple(_mark(rule, {}) for rule in broken),
        wave=pictures.get(clip.media_sha256, {}).get("wave", ""),
    )


def _mark(rule: RuleResult, shown: Mapping[str, tuple[str, str]]) -> Mark:
    places = tuple(dict.fromkeys(shown[token] for token in rule.clips if token in shown))
    return Mark(rule.rule, rule.severity, rule.authority, rule.message, places)


def _made(clips: Iterable[Mapping[str, dict]]) -> Iterable[Made]:
    """One line for each condition, out of the first clip of it."""
    seen: set[str] = set()
    for clip in clips:
        name = str(clip["condition"])
        if name not in seen:
            seen.add(name)
            made = clip["provenance"]
            weights = tuple((file, digest[:SHORT]) for file, digest in sorted(made.get("weights_sha256", {}).items()))
            yield Made(name, made["kind"], made["version"], weights)
