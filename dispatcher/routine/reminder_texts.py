"""What a reminder says: by SMS that the e-mail address is missing, by e-mail that the phone number is, on paper both.

It names nobody, for somebody else may read it, and the web address only where operators let it through.
"""

from __future__ import annotations

from dataclasses import replace

from config.catalogue import Catalogue
from config.sections import Language
from dispatcher.alerts.segments import measure, tidy
from dispatcher.alerts.text import ComposedText, compose_notice, filled
from dispatcher.codes import NoticeKind

_WEB = "reminder_web"


def reminder_text(catalogue: Catalogue, language: Language, school: str, web: str) -> ComposedText:
    """The message in one language. `web`: the address at which guardians may register; empty: none is told."""
    text = compose_notice(catalogue, NoticeKind.CONTACT_REMINDER.value, language, school=school, values={})
    if not web:
        return text
    further = web_sentence(catalogue, language, web)
    sms = tidy(f"{text.sms} {further}")
    return replace(text, sms=sms, email=f"{text.email}\n\n{further}", size=measure(sms))


def web_sentence(catalogue: Catalogue, language: Language, web: str) -> str:
    """Where guardians may register, as one sentence."""
    return filled(catalogue.phrase(_WEB, language).text, {"web": web})
