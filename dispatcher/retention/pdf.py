"""The export of a person on paper: the same facts as in the document, in Norwegian."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from dispatcher.paper.font import NAME, drawable, make_known
from dispatcher.retention.norwegian import field_words, value_words

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

_INDENT: Final = 12

HEADINGS: Final[Mapping[str, str]] = {
    "persons": "Personen",
    "visits_to_the_portal": "Besøk i portalen",
    "identifiers": "Fødselsnummer og andre identifikatorer",
    "student_roles": "Elev",
    "enrolments": "Skoleplasser",
    "memberships": "Klasser og grupper",
    "guardianships": "Foresattforhold",
    "contact_points": "Kontaktopplysninger",
    "verification_codes": "Engangskoder",
    "invitations": "Elevens koder til foresatte og kontaktpersoner",
    "tries_of_codes": "Forsøk på å bruke en slik kode den siste timen",
    "postal_addresses": "Postadresse",
    "reminders": "Påminnelser om kontaktopplysninger",
    "contact_register_entries": "Kontakt- og reservasjonsregisteret",
    "consents": "Samtykker",
    "blocks": "Vedtak om at noen ikke skal kontaktes",
    "releases": "Frigivelser av sperret elev",
    "alerts": "Beredskapsmeldinger",
    "withheld": "Beredskapsmeldinger som er utelatt av hensyn til andre",
    "routine_messages": "Andre meldinger",
    "answers": "Svar på SMS",
    "acts": "Hva loggen sier om personen",
}


def as_pdf(document: Mapping[str, Any]) -> bytes:
    """The document that `dispatcher.retention.export` makes, as a PDF file (A4)."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    make_known()
    written = BytesIO()
    paper = SimpleDocTemplate(written, pagesize=A4, title="Innsyn i egne opplysninger", author="", lang="nb")
    paper.build(list(_story(document)), onFirstPage=_number, onLaterPages=_number)
    return written.getvalue()


def _story(document: Mapping[str, Any]) -> Iterator[Flowable]:
    yield _line("Innsyn i egne opplysninger", 0, size=16)
    yield _line(f"{document['person']}, {value_words('on', document['on'])}", 0)
    for name, heading in HEADINGS.items():
        yield _line(heading, 0, size=12)
        for indent, text in _lines(document[name], 1):
            yield _line(text, indent)
    if _lacking(document):
        yield _line("Noen bokstaver finnes ikke i skriften her og er vist som �; JSON-filen har dem.", 0)


def _lines(value: Any, indent: int) -> Iterator[tuple[int, str]]:
    """A part of the document as lines, each with its indentation; what is empty has none within a row."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            words = field_words(name)
            if isinstance(one, (Mapping, list)):
                if one:
                    yield indent, f"{words}:"
                    yield from _lines(one, indent + 1)
            elif one is not None:
                yield indent, f"{words}: {value_words(name, one)}"
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            # A number tells several from each other.
            if len(value) > 1:
                yield indent, f"{number}."
            yield from _lines(one, indent + (len(value) > 1))
        if not value:
            yield indent, "Ingenting."
    else:
        yield indent, value_words("", value)


def _line(text: str, indent: int, *, size: int = 9) -> Flowable:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    style = ParagraphStyle(
        name="line",
        fontName=NAME,
        fontSize=size,
        leading=size * 1.35,
        leftIndent=indent * _INDENT,
        spaceBefore=size if size > 9 else 0,
        splitLongWords=1,
        keepWithNext=size > 9,
    )
    return Paragraph(escape(drawable(text)), style)


def _lacking(value: Any) -> bool:
    known = make_known()
    return any(ord(letter) not in known for _indent, text in _lines(value, 0) for letter in "".join(text.split()))


def _number(canvas: Any, paper: Any) -> None:
    canvas.setFont(NAME, 8)
    canvas.drawRightString(paper.pagesize[0] - 40, 30, str(canvas.getPageNumber()))
