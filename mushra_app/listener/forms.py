"""The form of the welcome page. What a trial's page sends is in ``mushra_app.session.saving``.

Field names: ``consent`` (checked), ``transducer`` (one of ``TRANSDUCERS``), ``experience`` (one of ``EXPERIENCE``);
``csrf_token`` comes with every form. At a listening place the transducer is not asked for.
"""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import AnyOf, InputRequired

from mushra_app.models import Place
from mushra_app.session.enrolment import EXPERIENCE, TRANSDUCERS
from mushra_app.words import say_later


class WelcomeForm(FlaskForm):
    """Consent, and how the listener listens."""

    consent = BooleanField(validators=[InputRequired(say_later("Please confirm that you agree to take part."))])
    transducer = StringField(
        validators=[AnyOf(TRANSDUCERS, say_later("Please say whether you listen on headphones or on loudspeakers."))]
    )
    experience = StringField(
        validators=[AnyOf(EXPERIENCE, say_later("Please say whether you have rated sound quality before."))]
    )

    @classmethod
    def at(cls, place: Place | None) -> WelcomeForm:
        """The form as it is asked at a listening place, or anywhere else."""
        form = cls()
        if place is not None:
            del form.transducer
        return form

    def sentences(self) -> tuple[str, ...]:
        """What has to be mended, as the page says it."""
        return tuple(str(sentence) for sentences in self.errors.values() for sentence in sentences)
