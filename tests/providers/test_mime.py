"""What a mail looks like to the program that reads it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UsageError
from providers.mime import Writer, mail_frame, mail_head, message_id

WRITER = Writer("varsel@skole.example", "Eksempel vgs, Ærøya")


def parsed(subject: str = "Øvelse: les", body: str = "Hei\n\nKom <nå> & her", urgent: bool = True) -> EmailMessage:
    frame = mail_frame(WRITER, subject, body, "nn", urgent)
    source = mail_head(to="ola@skole.example", message_id=message_id(12, WRITER.domain), at=0.0) + frame
    # As a reader stores it: the line ends of transport are gone.
    mail = message_from_bytes(source.replace(b"\r\n", b"\n"), policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_headers() -> None:
    mail = parsed()
    assert mail["To"] == "ola@skole.example"
    assert mail["From"].addresses[0].addr_spec == "varsel@skole.example"
    assert mail["From"].addresses[0].display_name == "Eksempel vgs, Ærøya"
    assert mail["Subject"] == "Øvelse: les"
    assert mail["Message-ID"] == "<delivery-12@skole.example>"
    assert mail["Date"].datetime.timestamp() == 0.0
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["Importance"], mail["Priority"], mail["X-Priority"]) == ("high", "urgent", "1")
    assert mail["Content-Language"] == "nn"


def test_a_mail_that_is_not_urgent_does_not_claim_to_be() -> None:
    mail = parsed(urgent=False)
    assert (mail["Importance"], mail["Priority"], mail["X-Priority"]) == (None, None, None)


def test_the_text_comes_plain_and_as_html_in_its_language() -> None:
    mail = parsed()
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert plain.get_content() == "Hei\n\nKom <nå> & her\n"
    assert '<html lang="nn">' in html.get_content()
    assert "<p>Hei</p>\n<p>Kom &lt;nå&gt; &amp; her</p>" in html.get_content()


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n."), min_size=1).filter(str.strip),
)
def test_any_text_arrives_and_every_byte_is_safe(subject: str, body: str) -> None:
    frame = mail_frame(WRITER, subject, body, "nb", True)
    assert frame.isascii()
    assert max(map(len, frame.split(b"\r\n"))) <= 998
    assert b"\n" not in frame.replace(b"\r\n", b"")
    mail = parsed(subject, body)
    plain = next(iter(mail.iter_parts()))
    assert plain.get_content().rstrip("\n") == body.rstrip("\n")
    assert mail["Subject"].strip().split() == subject.split()
    assert mail["To"] == "ola@skole.example"


@pytest.mark.parametrize(
    ("address", "name"), [("skole.example", "x"), ("@skole.example", "x"), ("blå@skole.example", "x"), ("a@b", "x\ny")]
)
def test_a_writer_that_cannot_be_used_is_a_word_about_the_settings(address: str, name: str) -> None:
    with pytest.raises(UsageError, match=r"smtp\.from_"):
        Writer(address, name)
