"""The texts of an alert: the drill word everywhere, placeholders, free text, and what is refused or warned of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.catalogue import LANGUAGES, Catalogue, load_catalogue
from config.errors import UsageError
from dispatcher.alerts.segments import Encoding, measure
from dispatcher.alerts.status_words import WORDS
from dispatcher.alerts.text import MAX_CHARACTERS, Composition, WarningCode, compose, compose_notice
from dispatcher.codes import AlertStatus

CATALOGUE = load_catalogue()
SCHOOL = "Eksempel vgs"
FILL = {"sted": "idrettshallen", "melding": "Vi møtes i aulaen"}
DRILLS = (AlertStatus.EXERCISE, AlertStatus.TEST)


def values_for(scenario: str) -> dict[str, str]:
    text = CATALOGUE.text(scenario, "nb")
    return {name: value for name, value in FILL.items() if f"{{{name}}}" in text.sms}


def composed(scenario: str = "lockdown", status: AlertStatus = AlertStatus.ACTUAL, **more: Any) -> Composition:
    return compose(CATALOGUE, scenario=scenario, status=status, school=SCHOOL, **more)


def refusal(**call: Any) -> str:
    with pytest.raises(UsageError) as caught:
        composed(**call)
    return str(caught.value)


def codes(result: Composition) -> set[WarningCode]:
    return {warning.code for warning in result.warnings} - {WarningCode.AWAITING_REVIEW}


@pytest.mark.parametrize("scenario", [one.name for one in CATALOGUE.scenarios()])
@pytest.mark.parametrize("status", list(AlertStatus))
def test_every_scenario_composes_in_every_status(scenario: str, status: AlertStatus) -> None:
    result = composed(scenario, status, values=values_for(scenario))
    assert [text.language for text in result.texts] == list(LANGUAGES)
    for text in result.texts:
        word = WORDS.get(status, {}).get(text.language)
        for part in (text.sms, text.subject, text.email):
            assert part.startswith(f"{word} - ") if word else part.startswith(SCHOOL)
            assert "{" not in part
            assert SCHOOL in part
        assert text.size == measure(text.sms)
    assert codes(result) == set()


def test_the_norwegian_drill_words_are_the_ones_people_know() -> None:
    result = composed(status=AlertStatus.EXERCISE)
    assert result.text("nb").sms.startswith("ØVELSE - Eksempel vgs: Skolen er låst. Elevene er inne")
    assert result.text("nn").sms.startswith("ØVING - ")
    assert "Dette er en øvelse." in result.text("nb").email


@given(status=st.sampled_from(DRILLS), text=st.text(min_size=1, max_size=200))
def test_every_drill_begins_with_its_word_whatever_is_typed(status: AlertStatus, text: str) -> None:
    try:
        result = composed("info", status, text=text)
    except UsageError:
        return
    for one in result.texts:
        word = WORDS[status][one.language]
        for part in (one.sms, one.email, one.subject):
            assert re.match(rf"{word}\b", part)
            assert not part.startswith(f"{word} - {word} -")


@pytest.mark.parametrize(
    "typed",
    [
        "ØVELSE: Samling på banen",
        "Øvelse - Samling på banen",
        "[ØVELSE] Samling på banen",
        "(Øving) Samling på banen",
        "ØVELSE/ØVING/EXERCISE: Samling på banen",
        "EXERCISE: ØVELSE! Samling på banen",
        "Hárjehus: Samling på banen",
        "ØVELSE – Samling på banen",
    ],
)
def test_a_typed_drill_word_does_not_stand_twice_nor_in_the_wrong_language(typed: str) -> None:
    result = composed(status=AlertStatus.EXERCISE, text=typed)
    assert [one.sms for one in result.texts] == [
        "ØVELSE - Samling på banen",
        "ØVING - Samling på banen",
        "HÁRJEHALLAN - Samling på banen",
        "EXERCISE - Samling på banen",
    ]


def test_a_sentence_that_begins_with_the_word_is_not_mutilated() -> None:
    exercise = composed(status=AlertStatus.EXERCISE, text="Øvelse i dag kl. 10")
    assert exercise.text("nb").sms == "ØVELSE - Øvelse i dag kl. 10"
    test = composed(status=AlertStatus.TEST, text="TEST av varslingen")
    assert test.text("nb").sms == "TEST av varslingen"
    assert test.text("se").sms == "TEASTA - TEST av varslingen"


@pytest.mark.parametrize(
    "text",
    [
        "ØVELSE: Skolen er låst",
        "øvelse - Skolen er låst",
        "Øving. Skulen er låst",
        "[TEST] Skolen er låst",
        "Test av varslingen",
        "This is only a test. The school is locked",
        "Dette er en øvelse. Skolen er låst",
        "Dette er ei øving",
        "Beredskapsøvelse ved skolen",
        "Eksempel vgs: ØVELSE. Skolen er låst",
        "{school}: EXERCISE. The school is locked",
        "\u200b ** ØVELSE ** Skolen er låst",
        "Drill: lock the doors",
        "HÁRJEHALLAN: skuvla",
    ],
)
def test_a_real_alert_that_opens_like_a_drill_is_refused(text: str) -> None:
    said = refusal(text=text)
    assert said.startswith("Alert not sent: the status is actual, but the text for nb opens like a drill or a test.")
    assert "Nothing was sent. If it is a drill, give --status exercise" in said


def test_the_drill_word_cannot_come_in_by_a_placeholder() -> None:
    with pytest.raises(UsageError, match="opens like a drill"):
        composed("info", values={"melding": "ØVELSE, skolen er låst"})


@pytest.mark.parametrize(
    "text",
    [
        "Dette er ikke en øvelse. Skolen er låst",
        "Skolen er låst. DETTE ER IKKE EN ØVELSE",
        "Skulen er låst. Dette er ikkje ei øving",
        "The school is locked. This is not a drill",
    ],
)
def test_a_real_alert_may_say_that_it_is_no_drill_with_a_warning(text: str) -> None:
    assert codes(composed(text=text)) == {WarningCode.DRILL_WORD}


@pytest.mark.parametrize("text", ["Exercise caution near the school", "Prøving av nøkler", "Testresultater er klare"])
def test_words_that_only_look_like_a_drill_pass(text: str) -> None:
    assert codes(composed(text=text)) == set()


def test_a_school_named_like_a_drill_can_send_a_real_alert() -> None:
    result = compose(CATALOGUE, scenario="lockdown", status=AlertStatus.ACTUAL, school="Test vgs")
    assert result.text("nb").sms.startswith("Test vgs: Skolen er låst.")
    assert codes(result) == set()


def test_the_prefix_counts_in_the_segments() -> None:
    text = "a" * 155
    assert composed(text=text).text("nb").size.segments == 1
    drill = composed(status=AlertStatus.EXERCISE, text=text).text("nb")
    assert (drill.size.units, drill.size.segments) == (164, 2)


def test_free_text_goes_to_all_languages_unless_one_has_its_own() -> None:
    result = composed(text="Til alle", texts={"nn": "Til nynorsk"})
    assert [one.sms for one in result.texts] == ["Til alle", "Til nynorsk", "Til alle", "Til alle"]
    assert result.text("en").subject == "Eksempel vgs: The school is locked"


def test_one_language_of_ones_own_leaves_the_scenario_to_the_others() -> None:
    result = composed(texts={"en": "Stay away"})
    assert result.text("en").email == "Stay away"
    assert result.text("nb").sms.startswith("Eksempel vgs: Skolen er låst.")


def test_email_keeps_its_quotes_and_sms_gets_plain_ones() -> None:
    text = composed(text="Rektor: «vent» – vi kommer…").text("nb")
    assert text.sms == 'Rektor: "vent" - vi kommer...'
    assert text.email == "Rektor: «vent» – vi kommer…"
    assert text.size.encoding is Encoding.GSM7


def test_an_empty_placeholder_is_refused_naming_language_and_remedy() -> None:
    texts = {"nb": "Samling ved hallen", "se": "Bures", "en": "Gather at the hall"}
    assert refusal(scenario="evacuation", texts=texts) == (
        "Alert not sent: the text for nn still holds {sted}.\n"
        'Nothing was sent. Give --text-nn, or fill the placeholder with --set sted="...".'
    )


def test_a_placeholder_empty_in_all_languages_names_them_all() -> None:
    expected = (
        "Alert not sent: the texts for nb, nn, se and en still hold {sted}.\n"
        'Nothing was sent. Give --text, or fill the placeholder with --set sted="...".'
    )
    assert refusal(scenario="evacuation") == expected
    assert refusal(scenario="evacuation", values={"sted": " \u200b "}) == expected


def test_several_placeholders_in_free_text() -> None:
    said = refusal(text="Møt ved {sted} kl. {tid}", values={"tid": "10"})
    assert "still hold {sted}." in said
    result = composed(text="Møt ved {sted} kl. {tid}, {skole}", values={"tid": "10", "Sted": "hallen"})
    assert result.text("nb").sms == "Møt ved hallen kl. 10, Eksempel vgs"


def test_only_braces_around_a_name_are_a_placeholder() -> None:
    assert composed(text="{} { a } {1} {a-b} }{").text("nb").sms == "{} { a } {1} {a-b} }{"


def test_braces_in_a_value_are_not_filled_again() -> None:
    result = composed("info", values={"melding": "se {school} og {sted}"})
    assert result.text("nb").sms == "Eksempel vgs: se {school} og {sted}"


def test_names_that_no_text_holds_are_refused() -> None:
    assert "The texts of this alert hold {sted}." in refusal(scenario="evacuation", values={"stad": "x", "sted": "y"})
    assert "hold none" in refusal(values={"sted": "x"})
    assert "{school} is filled by the program" in refusal(values={"school": "Annen vgs"})


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b", "\x00"])
def test_an_empty_text_is_refused(text: str) -> None:
    assert "the text for nn is empty" in refusal(texts={"nn": text})


def test_a_text_of_nothing_but_the_drill_word_is_empty() -> None:
    assert "the text for nb is empty" in refusal(status=AlertStatus.EXERCISE, text="ØVELSE:")


def test_a_text_in_the_wrong_character_set_is_refused() -> None:
    assert "not UTF-8 (nb)" in refusal(text="Skolen er l\udce5st")
    assert "not UTF-8 (--set)" in refusal(scenario="info", values={"melding": "l\udce5st"})


def test_an_unknown_scenario_lists_the_known_ones() -> None:
    said = refusal(scenario="lockdwn")
    assert "Nothing was sent. Known scenarios: all_clear, cancel," in said
    assert "lockdown" in said


def test_more_than_six_segments_warn_and_more_than_twilio_takes_is_refused() -> None:
    assert codes(composed(text="a" * 918)) == set()
    assert codes(composed(text="a" * 919)) == {WarningCode.MANY_SEGMENTS}
    assert codes(composed(text="a" * MAX_CHARACTERS)) == {WarningCode.MANY_SEGMENTS}
    assert "an SMS takes at most 1600" in refusal(text="a" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    "text",
    ["Se https://eksempel.no/x", "Se www.eksempel.no", "Se eksempel.vgs.no for mer", "Se bit.ly/abc", "HTTP://x"],
)
def test_a_web_address_warns(text: str) -> None:
    assert codes(composed(text=text)) == {WarningCode.WEB_ADDRESS}


@pytest.mark.parametrize("text", ["Skolen er låst.Se e-post", "Kl.10.30 og/eller 11", "Elevene er inne.Vent"])
def test_a_missing_space_is_no_web_address(text: str) -> None:
    assert codes(composed(text=text)) == set()


def test_costly_letters_are_named_except_in_sami() -> None:
    result = composed(text="Sámi skuvla")
    assert [one.language for one in result.warnings if one.code is WarningCode.UNUSUAL_LETTERS] == ["nb", "nn", "en"]
    assert "á" in next(one.words for one in result.warnings if one.code is WarningCode.UNUSUAL_LETTERS)


def test_sami_catalogue_texts_are_marked_as_awaiting_review() -> None:
    waiting = [one.language for one in composed().warnings if one.code is WarningCode.AWAITING_REVIEW]
    assert waiting == ["se"]
    own = composed(texts={"se": "Skuvla lea gitta"})
    assert WarningCode.AWAITING_REVIEW not in {one.code for one in own.warnings}


def test_a_subject_is_always_one_line(tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    table = '\nheadline = "{school}: {melding}"\nsms = "{melding}"\nemail = "{melding}"\n'
    body = 'severity = "minor"\nmsg_type = "alert"\n' + "".join(f"[{one}]{table}" for one in LANGUAGES)
    (tmp_path / "scenarios" / "own.toml").write_text(body, encoding="utf-8")
    own: Catalogue = load_catalogue(tmp_path)
    result = compose(
        own, scenario="own", status=AlertStatus.ACTUAL, school="A\r\nBcc: b", values={"melding": "x\r\nTo: y"}
    )
    assert result.text("nb").subject == "A Bcc: b: x To: y"


@given(text=st.text(max_size=100), school=st.text(min_size=1, max_size=40), status=st.sampled_from(list(AlertStatus)))
def test_composing_ends_in_texts_or_in_a_usage_error(text: str, school: str, status: AlertStatus) -> None:
    try:
        result = compose(CATALOGUE, scenario="info", status=status, school=school, text=text)
    except UsageError:
        return
    assert all(one.sms and one.email and one.size.segments >= 1 and "\n" not in one.subject for one in result.texts)


def test_a_notice_holds_its_code_and_no_drill_word() -> None:
    values = {"code": "012345", "minutes": "15"}
    for language in LANGUAGES:
        text = compose_notice(CATALOGUE, "verification_code", language, school=SCHOOL, values=values)
        assert "012345" in text.sms
        assert "012345" in text.email
        assert "012345" not in text.subject  # subjects show on locked screens
        assert text.sms.startswith(f"{SCHOOL}: ")
        assert text.size == measure(text.sms)
    with pytest.raises(KeyError):
        compose_notice(CATALOGUE, "verification_code", "nb", school=SCHOOL, values={"code": "012345"})


@pytest.mark.parametrize("status", AlertStatus)
def test_an_sms_that_asks_for_an_answer_ends_so_and_its_segments_count_it(status: AlertStatus) -> None:
    plain, asking = composed(status=status), composed(status=status, ask_confirmation=True)
    assert (plain.ask_confirmation, asking.ask_confirmation) == (False, True)
    # Nobody can answer a call by SMS: there the keys are spoken of.
    assert [text.spoken for text in asking.texts] == [text.sms for text in plain.texts]
    for before, after in zip(plain.texts, asking.texts, strict=True):
        phrase = CATALOGUE.phrase("ask_confirmation", after.language).text
        assert after.sms == f"{before.sms} {phrase}"
        assert after.size == measure(after.sms)
        # An e-mail cannot be answered with a word that anybody reads.
        assert (after.email, after.subject) == (before.email, before.subject)


def test_own_words_ask_for_an_answer_too_and_the_longest_has_no_room_for_it() -> None:
    asking = composed(text="Skolen er stengt.", ask_confirmation=True)
    assert asking.text("nb").sms == "Skolen er stengt. Svar 1 når du har lest dette."
    assert {warning.language for warning in asking.warnings} == {"se"}  # nobody has read our Sámi words yet
    assert composed(text="x" * 1600).text("nb").size.segments == 11
    assert "an SMS takes at most 1600" in refusal(text="x" * 1600, ask_confirmation=True)
