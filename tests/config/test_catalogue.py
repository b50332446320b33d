"""The message catalogue: complete in four languages, short enough, free of web addresses, and checked when read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.catalogue import LANGUAGES, MessageText, MsgType, ResponseType, Scenario, Severity, load_catalogue
from config.errors import ExitStatus, UsageError
from config.sections import Language
from providers.spoken import AGAIN, CONFIRMS

CATALOGUE = load_catalogue()
SCENARIOS = CATALOGUE.scenarios()
LONGEST_SCHOOL = "x" * 25
# GSM-7 without its extension: what a default text in nb, nn and en may be made of.
PLAIN = re.compile(r"[A-Za-zæøåÆØÅéèòàù0-9 .,:;!?'\"()/%+\-{}_]+")
# The room for the drill word: "EXERCISE - " is the longest of the three.
LONGEST_PREFIX = 11
# Those that go by SMS, too.
NOTICES = ("verification_code", "consent_question", "contact_reminder")

OWN = """
severity = "{severity}"
msg_type = "alert"
""" + "".join(f'[{one}]\nheadline = "H"\nsms = "S {one}"\nemail = "E"\n' for one in LANGUAGES)


def own_folder(folder: Path, body: str, name: str = "flood") -> Path:
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / f"{name}.toml").write_text(body, encoding="utf-8")
    return folder


def all_texts() -> list[tuple[str, str, MessageText]]:
    scenarios = [(one.name, language, one.texts[language]) for one in SCENARIOS for language in LANGUAGES]
    notices = [(name, language, CATALOGUE.notice(name, language)) for name in NOTICES for language in LANGUAGES]
    return scenarios + notices


def test_the_scenarios_that_operators_are_promised() -> None:
    names = {one.name for one in SCENARIOS}
    assert {"lockdown", "evacuation", "closed", "info", "fire", "weather", "transport", "all_clear", "cancel"} <= names


@pytest.mark.parametrize(("name", "language", "text"), all_texts())
def test_default_texts_hold_no_web_address(name: str, language: str, text: MessageText) -> None:
    for part in (text.headline, text.sms, text.email):
        assert not re.search(r"https?:|www\.|\w\.(no|com|net|org)\b", part, re.IGNORECASE)


@pytest.mark.parametrize(("name", "language", "text"), all_texts())
def test_default_sms_is_one_segment_with_a_long_school_name_and_the_drill_word(
    name: str, language: str, text: MessageText
) -> None:
    filled = re.sub(r"\{(school|sted)\}", LONGEST_SCHOOL, text.sms)
    filled = filled.replace("{code}", "123456").replace("{minutes}", "15").replace("{melding}", "x" * 80)
    if language == "se":
        assert len(filled) + 14 <= 3 * 67  # every letter of Northern Sámi is one UCS-2 unit
        return
    assert "{" not in filled
    assert PLAIN.fullmatch(filled)
    prefix = 0 if name in NOTICES else LONGEST_PREFIX
    assert len(filled) + prefix <= 160


@pytest.mark.parametrize(("name", "language", "text"), all_texts())
def test_only_sami_awaits_review_and_all_languages_name_the_school(name: str, language: str, text: MessageText) -> None:
    assert text.awaiting_review == (language == "se")
    assert all("{school}" in part for part in (text.headline, text.sms, text.email))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_all_languages_of_a_scenario_ask_for_the_same_placeholders(scenario: Scenario) -> None:
    asked = {
        language: set(re.findall(r"\{(\w+)\}", text.sms + text.email)) for language, text in scenario.texts.items()
    }
    assert len({frozenset(names) for names in asked.values()}) == 1


def test_lockdown_tells_guardians_not_to_call_nor_come() -> None:
    text = CATALOGUE.text("lockdown", "nb")
    assert text.sms.startswith("{school}: Skolen er låst. Elevene er inne")
    for part in (text.sms, text.email):
        assert "Ikke ring elevene" in part
        assert re.search("kke kom til skolen", part)
        assert re.search("meldinger fra skolen og politiet", part)
    assert CATALOGUE.scenario("lockdown").severity is Severity.EXTREME


def test_an_all_clear_is_an_update_with_its_response_type() -> None:
    scenario = CATALOGUE.scenario("all_clear")
    assert (scenario.msg_type, scenario.response_type) == (MsgType.UPDATE, ResponseType.ALL_CLEAR)
    assert CATALOGUE.scenario("cancel").msg_type is MsgType.CANCEL
    assert CATALOGUE.scenario("lockdown").response_type is None


def test_an_unknown_scenario_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        CATALOGUE.scenario("nope")
    assert caught.value.exit_status == ExitStatus.UNUSABLE
    assert all(one.name in caught.value.remedy for one in SCENARIOS)


def test_a_school_adds_a_scenario_and_replaces_another(tmp_path: Path) -> None:
    own_folder(tmp_path, OWN.replace("{severity}", "severe"))
    (tmp_path / "scenarios" / "closed.toml").write_text(OWN.replace("{severity}", "moderate"), encoding="utf-8")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.text("flood", "nn").sms == "S nn"
    assert catalogue.scenario("closed").severity is Severity.MODERATE
    assert catalogue.text("lockdown", "nb") == CATALOGUE.text("lockdown", "nb")
    assert len(catalogue.scenarios()) == len(SCENARIOS) + 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('severity = "severe"', 'severity = "grave"'), "severity is not one of extreme, severe, moderate, minor"),
        (('severity = "severe"', ""), "severity is not one of"),
        (('msg_type = "alert"', 'msg_type = "shout"'), "msg_type is not one of alert, update, cancel"),
        (("[nn]", "[sma]"), "unknown name sma"),
        (('[se]\nheadline = "H"\nsms = "S se"\nemail = "E"\n', ""), "the language se is missing"),
        (('sms = "S en"\n', ""), "[en] has no sms"),
        (('sms = "S en"', 'sms = "  "'), "[en] has no sms"),
        (('sms = "S nb"', 'sms = "S"\nvoice = "V"'), "[nb] holds the unknown name voice"),
        (('headline = "H"', 'headline = "H\\nTo: x"'), "more than one line"),
        (("[nb]\n", '[nb]\nawaiting_review = "yes"\n'), "neither true nor false"),
        (("[nb]", "[nb"), "flood.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_reason(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    body = OWN.replace("{severity}", "severe")
    assert change[0] in body
    own_folder(tmp_path, body.replace(*change))
    with pytest.raises(UsageError) as caught:
        load_catalogue(tmp_path)
    assert reason in caught.value.what
    assert "flood.toml" in caught.value.what


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "flood.toml").write_bytes("# låst".encode("latin-1"))
    with pytest.raises(UsageError, match=r"flood\.toml"):
        load_catalogue(tmp_path)


def test_a_name_that_cannot_be_typed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="small letters"):
        load_catalogue(own_folder(tmp_path, OWN.replace("{severity}", "severe"), name="Flom og ras"))


def test_a_missing_folder_is_an_error_and_not_an_empty_catalogue(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        load_catalogue(tmp_path / "gone")


PHRASES = ("answered_stop", "answered_help", "ask_confirmation")


@pytest.mark.parametrize("name", PHRASES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_default_phrases_are_short_plain_and_without_web_addresses(name: str, language: Language) -> None:
    phrase = CATALOGUE.phrase(name, language)
    filled = phrase.text.replace("{school}", LONGEST_SCHOOL)
    assert phrase.awaiting_review == (language == "se")
    assert ("{school}" in phrase.text) == name.startswith("answered_")
    assert not re.search(r"https?:|www\.|\w\.(no|com|net|org)\b", filled, re.IGNORECASE)
    assert len(filled) <= 3 * 67 if language == "se" else PLAIN.fullmatch(filled) and len(filled) <= 160
    # The word that the text tells people to answer is one that is understood.
    assert {"answered_stop": "START", "answered_help": "STOPP", "ask_confirmation": " 1 "}[name] in phrase.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_name_the_school_and_hold_no_web_address(language: Language) -> None:
    letter = CATALOGUE.letter("contact_reminder", language)
    assert letter.awaiting_review == (language == "se")
    assert "{school}" in letter.text
    assert not re.search(r"https?:|www\.|\w\.(no|com|net|org)\b", letter.headline + letter.text, re.IGNORECASE)
    assert set(re.findall(r"\{(\w+)\}", letter.headline + letter.text)) == {"school"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_to_register_is_told_in_one_sentence(language: Language) -> None:
    phrase = CATALOGUE.phrase("reminder_web", language)
    assert phrase.awaiting_review == (language == "se")
    assert phrase.text.count("{web}") == 1 and len(phrase.text) < 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_speaks_of_the_keys_that_it_understands(language: Language) -> None:
    menu, thanks = CATALOGUE.phrase("voice_menu", language), CATALOGUE.phrase("voice_confirmed", language)
    assert AGAIN in menu.text and CONFIRMS in menu.text
    assert menu.awaiting_review == thanks.awaiting_review == (language == "se")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('[nb]\ntext = "A"\n', "the language nn is missing"),
        ("".join(f'[{one}]\ntext = "A\\nB"\n' for one in LANGUAGES), "more than one line"),
        ("".join(f'[{one}]\nsms = "A"\n' for one in LANGUAGES), "holds the unknown name sms"),
        ("".join(f"[{one}]\nawaiting_review = true\n" for one in LANGUAGES), "[nb] has no text"),
        ('[da]\ntext = "A"\n', "unknown name da"),
    ],
)
def test_a_phrase_that_cannot_be_used_is_named_with_its_reason(tmp_path: Path, body: str, reason: str) -> None:
    (tmp_path / "phrases").mkdir()
    (tmp_path / "phrases" / "answered_stop.toml").write_text(body, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_catalogue(tmp_path)
    assert reason in caught.value.what and "answered_stop.toml" in caught.value.what


def test_a_school_answers_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    own = "".join(f'[{one}]\ntext = "Takk {one}"\n' for one in LANGUAGES)
    (tmp_path / "phrases" / "answered_stop.toml").write_text(own, encoding="utf-8")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.phrase("answered_stop", "nn").text == "Takk nn"
    assert catalogue.phrase("answered_help", "nn") == CATALOGUE.phrase("answered_help", "nn")
