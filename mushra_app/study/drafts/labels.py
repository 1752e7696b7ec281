"""What the parts and fields of an experiment file are called on a page, and what is said of those that matter most.

Conventions: a place is a path of the form without the numbers of entries (``items.excerpt.start_s``); members of an
ensemble are called as systems are. Defines: ``LABELS``, ``HINTS``, ``label_of``, ``hint_of``,
``place_in_file``.
"""

from __future__ import annotations

from typing import Any

from mushra_app.words import say_later

LABELS: dict[str, Any] = {
    "experiment": say_later("The test"),
    "experiment.name": say_later("Short name"),
    "experiment.title": say_later("Title"),
    "experiment.method": say_later("Method"),
    "experiment.target": say_later("What the systems are to keep"),
    "experiment.contact": say_later("Whom listeners can write to"),
    "attributes": say_later("What is asked"),
    "attributes.name": say_later("Short name"),
    "attributes.question": say_later("Question"),
    "attributes.labels": say_later("Words of the scale"),
    "attributes.instructions": say_later("Instructions"),
    "attributes.anchors": say_later("Anchors that are heard"),
    "attributes.mid_anchor_rule": say_later("The rule of the mid anchor holds"),
    "songs": say_later("Songs"),
    "songs.layout": say_later("Layout of the folder"),
    "songs.root": say_later("Folder or address"),
    "songs.resample_hz": say_later("Sample rate for all (Hz)"),
    "items": say_later("Excerpts (items)"),
    "items.song": say_later("Song"),
    "items.name": say_later("Name"),
    "items.target": say_later("What the systems are to keep here"),
    "items.dataset": say_later("Data set"),
    "items.use": say_later("Used for"),
    "items.excerpt": say_later("Excerpt"),
    "items.excerpt.start_s": say_later("Starts at (s)"),
    "items.excerpt.length_s": say_later("Length (s)"),
    "items.excerpt.rule": say_later("Found by"),
    "items.excerpt.count": say_later("How many are found"),
    "items.excerpt.seed": say_later("Seed"),
    "systems": say_later("Systems"),
    "systems.name": say_later("Name"),
    "systems.version": say_later("Version"),
    "systems.post_filter": say_later("Filter afterwards"),
    "systems.wiener_power": say_later("Exponent of the Wiener filter"),
    "systems.sources": say_later("Sources that it gives"),
    "systems.argv": say_later("Command, a word per line"),
    "systems.time_limit_s": say_later("Time limit (s)"),
    "systems.attenuation_limit_db": say_later("Most attenuation (dB)"),
    "systems.path": say_later("File or template of files"),
    "systems.accompaniment": say_later("Accompaniment"),
    "systems.convert": say_later("Convert the sounds to what it takes"),
    "systems.model": say_later("Model"),
    "systems.rate_hz": say_later("Sample rate (Hz)"),
    "systems.channels": say_later("Channels"),
    "systems.overlap": say_later("Overlap of the pieces"),
    "systems.segment_s": say_later("Length of a piece (s)"),
    "systems.trust_pickle": say_later("Trust a pickled file"),
    "systems.max_lag_ms": say_later("Most delay (ms)"),
    "systems.outputs": say_later("Outputs"),
    "systems.targets": say_later("Targets"),
    "systems.voice": say_later("Dictionary of the voice"),
    "systems.components": say_later("Components"),
    "systems.seed": say_later("Seed"),
    "systems.lambda_factor": say_later("Factor on lambda"),
    "systems.sha256": say_later("Checksum (SHA-256)"),
    "systems.mode": say_later("Mode"),
    "systems.window_s": say_later("Window (s)"),
    "systems.activity": say_later("How activity is found"),
    "systems.features": say_later("Features"),
    "systems.members": say_later("Members"),
    "systems.balance": say_later("Balance of voice and music"),
    "systems.iterations": say_later("Iterations"),
    "systems.softmask": say_later("Soft mask"),
    "systems.residual": say_later("Name of what is left over"),
    "systems.chunk_frames": say_later("Length of a piece (frames)"),
    "systems.damage": say_later("Harm done on purpose"),
    "systems.damage.leak_db": say_later("Leakage (dB)"),
    "systems.damage.zeroed": say_later("Share that is zeroed"),
    "systems.damage.seed": say_later("Seed"),
    "systems.alpha": say_later("Exponent (alpha)"),
    "systems.theta": say_later("Threshold (theta)"),
    "systems.against": say_later("Compared against"),
    "systems.compression": say_later("Compression of the mask"),
    "systems.power": say_later("Exponent"),
    "systems.panning": say_later("Place between left and right"),
    "systems.width": say_later("Width around that place"),
    "systems.system": say_later("System of the package"),
    "systems.gain": say_later("Gain of the mask"),
    "systems.kept": say_later("Which frames are kept"),
    "systems.lowest_hz": say_later("Lowest pitch (Hz)"),
    "systems.highest_hz": say_later("Highest pitch (Hz)"),
    "systems.harmonics": say_later("Harmonics"),
    "systems.width_hz": say_later("Width of a harmonic (Hz)"),
    "systems.architecture": say_later("Architecture"),
    "anchors": say_later("Anchors"),
    "anchors.name": say_later("Name"),
    "anchors.cutoff_hz": say_later("Cut-off (Hz)"),
    "anchors.removed": say_later("Share that is removed"),
    "anchors.noise_db": say_later("Level of the noise (dB)"),
    "anchors.level_db": say_later("Level of what is left in (dB)"),
    "anchors.vocals_db": say_later("Change of the vocals (dB)"),
    "anchors.mode": say_later("Mode"),
    "anchors.balance_db": say_later("Out of balance by (dB)"),
    "anchors.seed": say_later("Seed"),
    "loudness": say_later("Loudness"),
    "loudness.target_lufs": say_later("Loudness of the clips (LUFS)"),
    "loudness.match": say_later("What is matched"),
    "loudness.ceiling_dbtp": say_later("Highest true peak (dBTP)"),
    "test": say_later("How it runs"),
    "test.references": say_later("What is heard openly"),
    "test.items_per_listener": say_later("Items for each listener"),
    "test.systems_per_page": say_later("Systems on a page"),
    "test.replicates": say_later("Trials that come twice"),
    "test.break_every": say_later("Trials until a break"),
    "test.sessions": say_later("Sessions"),
    "test.hours_between_sessions": say_later("Hours between sessions"),
    "test.attention_checks": say_later("Attention checks"),
    "test.switching": say_later("Change from sound to sound"),
    "test.show_numbers": say_later("Listeners see the number"),
    "test.consent": say_later("What listeners agree to"),
    "setup": say_later("Before the first trial"),
    "setup.level": say_later("Set the volume"),
    "setup.sides": say_later("Hear left and right apart"),
    "setup.headphones": say_later("Headphone check"),
    "setup.on_failure": say_later("When a check is failed"),
    "completion": say_later("At the end"),
    "completion.code": say_later("Code that is shown"),
    "completion.return_url": say_later("Address to go back to"),
    "questions": say_later("Questionnaire"),
    "questions.name": say_later("Short name"),
    "questions.text": say_later("Question"),
    "questions.type": say_later("Kind of answer"),
    "questions.choices": say_later("Choices"),
    "questions.when": say_later("Asked"),
    "questions.required": say_later("Must be answered"),
    "questions.personal": say_later("Personal"),
    "questions.accept": say_later("Whom the study looks for"),
    "analysis": say_later("Analysis plan"),
    "analysis.inference": say_later("What a conclusion is about"),
    "analysis.contrasts": say_later("Planned comparisons"),
    "analysis.adjust": say_later("Adjustment for many comparisons"),
    "analysis.exclude": say_later("Rules that leave listeners out"),
    "analysis.listeners": say_later("Listeners"),
    "analysis.primary": say_later("Main question"),
    "analysis.equivalence_margin": say_later("Counts as equally good within (points)"),
    "analysis.precision": say_later("Precise enough at (points)"),
}
HINTS: dict[str, Any] = {
    "experiment": say_later("What the test is called and what is asked of the systems."),
    "experiment.name": say_later("Stands in addresses and file names: small letters, digits and hyphens."),
    "experiment.title": say_later("What listeners read on the first page."),
    "experiment.target": say_later("The accompaniment, the vocals, or another stem of the songs."),
    "experiment.contact": say_later("An e-mail address; listeners see it on the first page."),
    "attributes": say_later("Each question is a block of trials of its own."),
    "attributes.name": say_later("Names the question in tables and in the report."),
    "attributes.question": say_later("Stands over every page of this block."),
    "attributes.labels": say_later("Five, the worst first."),
    "attributes.instructions": say_later("Said before the block; the house's own words where it is empty."),
    "attributes.anchors": say_later("Names of the anchors that are heard for this question."),
    "attributes.mid_anchor_rule": say_later(
        "Whether a high rating of the 7 kHz anchor is a slip: not where other faults are asked for, like interference."
    ),
    "items": say_later("One excerpt of one song: what a trial is about. A rule can find several in a song."),
    "items.song": say_later("Its name in the folder of songs."),
    "items.name": say_later("What the excerpt is called; the song's name where it is empty."),
    "items.target": say_later("Only where it differs from what the test asks for."),
    "items.dataset": say_later("Lets the report compare groups of songs."),
    "items.use": say_later("In the test, in the training before it, or in both."),
    "items.excerpt": say_later("The part of the song that is heard: given by its start, or found by a rule."),
    "test": say_later("How the test is run."),
    "test.references": say_later("The reference; the mixture beside it if you like."),
    "test.items_per_listener": say_later("A number, if nobody is to hear all; the items are spread evenly."),
    "test.systems_per_page": say_later(
        "Beside the hidden reference and all anchors; a balanced choice of them for every page."
    ),
    "test.replicates": say_later("They show how reliable each listener is."),
    "test.break_every": say_later("0 for no breaks."),
    "test.sessions": say_later("The items are split over them; training is in the first."),
    "test.hours_between_sessions": say_later("So long a listener waits for the next one."),
    "test.attention_checks": say_later(
        "Trials that only somebody who listens gets right: the reference among copies of the low anchor."
    ),
    "test.consent": say_later("Stands on the first page."),
    "setup": say_later("What listeners go through before the first trial of a session."),
    "setup.level": say_later("By a tone and by noise."),
    "setup.sides": say_later("Finds mono, swapped channels and hands-free Bluetooth."),
    "setup.headphones": say_later("A screening that loudspeakers fail, by antiphase tones or by Huggins pitch."),
    "setup.on_failure": say_later(
        "Keep a note and say nothing, warn and let them go on, or refuse after a second try."
    ),
    "completion": say_later("What a listener gets at the end: a code to paste elsewhere, an address to return to."),
    "completion.return_url": say_later("{code} in it stands for the code."),
    "questions": say_later("Personal answers are kept apart so that they can be erased."),
    "questions.choices": say_later("Only for answers that are chosen."),
    "questions.when": say_later("Before the test, after it, or at every break of it."),
    "questions.accept": say_later("With any other of the choices a listener is thanked, and hears nothing."),
    "analysis": say_later("What will be tested, fixed before the first rating."),
    "analysis.inference": say_later("Music like these items, or exactly these."),
    "analysis.contrasts": say_later(
        "Two conditions on each line, as in: ours - theirs. Where empty: every pair of systems."
    ),
    "analysis.exclude": say_later("Nothing else leaves anybody out."),
    "analysis.listeners": say_later("Listeners to reach; where a precision is given, at most."),
    "analysis.primary": say_later(
        "The question that the conclusion rests on; the first one where it is empty. All others are exploratory."
    ),
    "analysis.equivalence_margin": say_later("Points within which two conditions count as equally good."),
    "analysis.precision": say_later(
        "Stop before all listeners are there, once no planned interval reaches further than so many points."
    ),
}
"""Where nothing stands here, a field's hint is what the model says of it, in English."""


def label_of(path: str) -> Any:
    """What a part or field is called; its key where it has no other name."""
    place = place_in_file(path)
    return LABELS.get(place, place.rpartition(".")[2].replace("_", " "))


def hint_of(path: str, otherwise: str) -> Any:
    """What is said of a part or field; of an entry in a list, too."""
    return HINTS.get(place_in_file(path), otherwise)


def place_in_file(path: str) -> str:
    """The place of a path; a member of an ensemble stands where a system does."""
    steps = [step for step in path.split(".") if not step.isdecimal()]
    if steps[:2] == ["systems", "members"] and len(steps) > 2:
        steps.remove("members")
    return ".".join(steps)
