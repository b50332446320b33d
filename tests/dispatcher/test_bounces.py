"""A bounce moves the delivery that it proves to have failed, once, and no other."""

from __future__ import annotations

import json
import mailbox
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli import app
from config.database import Database
from config.migrations import head_revision
from config.settings import Settings, load_settings
from contacts.tables import ADDRESS
from dispatcher.codes import DeliveryState
from dispatcher.outbox.bounces import Told, in_words, take_bounce
from dispatcher.reports.classes import class_counts
from dispatcher.tables import DELIVERY, RECEIPT
from portal.lmtp import taking_bounces
from providers.base import Accepted, Channel
from tests.dispatcher.world import Family, World, check_books
from tests.providers.bounce_mails import DOMAIN, GUARDIAN, OURS, dsn, letter
from tests.services.server import free_port


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


class Sent:
    """An alert by e-mail that the mail server has taken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.family: Family = world.family(email=True)
        self.alert = world.sent(self.family, sms=False)
        claimed = world.claim_one(Channel.EMAIL)
        world.record((claimed, Accepted("QUEUE-ID")))
        self.delivery = claimed.delivery_id

    def bounce(self, action: str = "failed", code: str = "5.1.1", **more: str) -> bytes:
        named = {"message_id": f"<delivery-{self.delivery}@{DOMAIN}>", "recipient": self.family.email} | more
        return dsn(action, code, **named)

    def take(self, mail: bytes, domain: str = DOMAIN) -> Told:
        with self.world.clock(), self.world.database.write() as connection:
            return take_bounce(connection, mail, domain)

    def state(self) -> tuple[DeliveryState, str | None]:
        row = self.world.delivery(self.delivery)
        return row.state, row.code

    def failures(self) -> int:
        (row,) = self.world.rows(ADDRESS, ADDRESS.c.value == self.family.email)
        return int(row.failures)


@pytest.fixture
def sent(world: World) -> Sent:
    return Sent(world)


def test_a_hard_bounce_ends_the_delivery_and_counts_against_the_address(sent: Sent) -> None:
    with sent.world.database.read() as connection:
        assert class_counts(connection, sent.alert).handed_over == 1
    assert sent.take(sent.bounce()) is Told.BOUNCED
    assert sent.state() == (DeliveryState.UNDELIVERED, "550 5.1.1")
    assert sent.failures() == 1
    assert [row.provider for row in sent.world.rows(RECEIPT)] == ["smtp"]
    with sent.world.database.read() as connection:
        assert class_counts(connection, sent.alert).unreached == 1
    check_books(sent.world.database)


def test_the_same_bounce_again_changes_nothing(sent: Sent) -> None:
    assert [sent.take(sent.bounce()) for _ in range(3)] == [Told.BOUNCED, Told.KNOWN, Told.KNOWN]
    assert sent.failures() == 1
    assert len(sent.world.rows(RECEIPT)) == 1
    assert sent.world.refused(sent.delivery) == []


def test_one_that_is_only_late_changes_nothing(sent: Sent) -> None:
    assert sent.take(sent.bounce("delayed", "4.4.1")) is Told.DELAYED
    assert sent.state() == (DeliveryState.ACCEPTED, None)
    assert sent.take(sent.bounce("failed", "4.4.1", diagnostic="X-Postfix; timed out")) is Told.BOUNCED
    # The server gave up: it was not told, and nothing is said about the address.
    assert (sent.state()[0], sent.failures()) == (DeliveryState.UNDELIVERED, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "another@example.com"},
        {"recipient": "not an address"},
        {"message_id": f"<delivery-987654@{DOMAIN}>"},
        {"message_id": "<delivery-1@varsling.another.no>"},
        {"message_id": "<20261123.1@example.com>"},
    ],
)
def test_what_is_forged_or_about_another_message_changes_nothing(sent: Sent, change: dict[str, str]) -> None:
    assert sent.take(sent.bounce(**change)) is Told.FOREIGN
    assert sent.state() == (DeliveryState.ACCEPTED, None)
    assert (sent.failures(), sent.world.rows(RECEIPT)) == (0, [])


def test_a_mail_that_quotes_two_of_our_messages_is_about_neither(sent: Sent) -> None:
    other = Sent(sent.world)
    both = f"<delivery-{sent.delivery}@{DOMAIN}> <delivery-{other.delivery}@{DOMAIN}>"
    assert sent.take(sent.bounce(message_id=both)) is Told.FOREIGN
    assert [one.state()[0] for one in (sent, other)] == [DeliveryState.ACCEPTED] * 2


def test_a_message_that_never_left_or_went_by_sms_cannot_come_back(sent: Sent) -> None:
    waiting = sent.world.family(email=True)
    alert = sent.world.sent(waiting)
    for row in sent.world.rows(DELIVERY, DELIVERY.c.alert_id == alert):
        mail = sent.bounce(message_id=f"<delivery-{row.id}@{DOMAIN}>", recipient=waiting.email)
        assert sent.take(mail) is Told.FOREIGN
    assert sent.world.states(alert) == {DeliveryState.QUEUED: 2}


def test_what_became_of_mails_in_words() -> None:
    assert in_words({}) == "0 mails."
    assert in_words({Told.BOUNCED: 1}) == "1 mail: 1 bounced."
    assert in_words({Told.BOUNCED: 2, Told.DELAYED: 1}).startswith("3 mails: 2 bounced, 1 ")


def test_capitals_and_the_domains_own_spelling_do_not_matter(sent: Sent) -> None:
    local, _, domain = sent.family.email.partition("@")
    mail = sent.bounce(
        recipient=f"{local.upper()}@{domain.title()}", message_id=f"<delivery-{sent.delivery}@{DOMAIN.upper()}>"
    )
    assert sent.take(mail, DOMAIN.title()) is Told.BOUNCED


def test_a_domain_of_any_length_has_room(sent: Sent) -> None:
    domain = ".".join(["a" * 60] * 3) + ".no"
    assert sent.take(sent.bounce(message_id=f"<delivery-{sent.delivery}@{domain}>"), domain) is Told.BOUNCED
    (row,) = sent.world.rows(RECEIPT)
    assert (len(row.reference), row.delivery_id) == (128, sent.delivery)


def test_a_bounce_while_the_answer_of_the_mail_server_is_awaited(world: World) -> None:
    family = world.family(email=True)
    world.sent(family, sms=False)
    claimed = world.claim_one(Channel.EMAIL)
    mail = dsn(message_id=f"<delivery-{claimed.delivery_id}@{DOMAIN}>", recipient=family.email)
    with world.clock(), world.database.write() as connection:
        assert take_bounce(connection, mail, DOMAIN) is Told.BOUNCED
    world.record((claimed, Accepted("QUEUE-ID")))
    assert world.state(claimed.delivery_id) is DeliveryState.UNDELIVERED
    check_books(world.database)


def test_an_answer_of_a_person_is_no_bounce(sent: Sent) -> None:
    assert sent.take(letter("Takk!")) is Told.NO_BOUNCE
    assert sent.state() == (DeliveryState.ACCEPTED, None)


# The mailbox, and the mail server


@pytest.fixture
def run(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`beredskap bounces read …` in this process."""
    with sqlite_database.write() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head_revision()})
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("BEREDSKAP_STORE__DATABASE_URL", url)
    monkeypatch.setenv("BEREDSKAP_SMTP__FROM_ADDRESS", f"varsel@{DOMAIN}")
    return lambda *arguments: CliRunner().invoke(app, ("bounces", "read", *arguments))


def fill(box: mailbox.Mailbox[mailbox.Message], sent: Sent) -> None:
    mails = (sent.bounce(), sent.bounce(), sent.bounce("delayed", "4.4.1"), dsn(message_id=OURS), letter("Takk!"))
    for mail in mails:
        box.add(mail)
    box.close()


FIRST = {"mails": 5, "bounced": 1, "known": 1, "delayed": 1, "foreign": 1, "no_bounce": 1}
AGAIN = {"mails": 1, "bounced": 0, "known": 0, "delayed": 0, "foreign": 0, "no_bounce": 1}


def test_a_maildir_is_read_once_and_answers_are_left_to_people(
    sqlite_database: Database, run: Callable[..., Result], tmp_path: Path
) -> None:
    sent = Sent(World(sqlite_database))
    fill(mailbox.Maildir(tmp_path / "Maildir", create=True), sent)  # type: ignore[arg-type]
    assert json.loads(run(str(tmp_path / "Maildir"), "--json").output) == FIRST
    assert sent.state() == (DeliveryState.UNDELIVERED, "550 5.1.1")
    assert json.loads(run(str(tmp_path / "Maildir"), "--json").output) == AGAIN
    (unread,) = (tmp_path / "Maildir" / "new").iterdir()
    assert b"Takk!" in unread.read_bytes()
    assert len(list((tmp_path / "Maildir" / "cur").glob("*:2,S"))) == 4


def test_an_mbox_is_read_once_and_keeps_every_mail(
    sqlite_database: Database, run: Callable[..., Result], tmp_path: Path
) -> None:
    sent = Sent(World(sqlite_database))
    fill(mailbox.mbox(tmp_path / "mbox"), sent)  # type: ignore[arg-type]
    shown = run(str(tmp_path / "mbox"))
    assert (shown.exit_code, shown.output) == (
        0,
        "5 mails: 1 bounced, 1 known already, 1 only late, 1 about no message of ours, 1 no bounce.\n",
    )
    assert sent.state() == (DeliveryState.UNDELIVERED, "550 5.1.1")
    assert run(str(tmp_path / "mbox")).output == "1 mail: 1 no bounce.\n"
    assert len(mailbox.mbox(tmp_path / "mbox")) == 5
    assert not list(tmp_path.glob("mbox.*"))  # no lock is left behind


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "another file"])
def test_what_is_no_mailbox_is_said_in_a_sentence(run: Callable[..., Result], tmp_path: Path, what: str) -> None:
    path = tmp_path / "there"
    if what == "an empty folder":
        path.mkdir()
    elif what == "another file":
        path.write_text("hei\n", encoding="utf-8")
    shown = run(str(path))
    assert shown.exit_code == 2
    assert f"The mailbox {path} cannot be used" in shown.output and "Traceback" not in shown.output
    assert not (what == "nothing" and path.exists())


def test_without_our_own_address_nothing_is_read(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BEREDSKAP_SMTP__FROM_ADDRESS", "")
    assert run(str(tmp_path)).exit_code == 2


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BEREDSKAP_SMTP__FROM_ADDRESS", f"varsel@{DOMAIN}")
    monkeypatch.setenv("BEREDSKAP_BOUNCES__LMTP_PORT", str(free_port()))
    return load_settings()


def _client(port: int) -> smtplib.LMTP:
    # By default it asks the machine's resolver what this machine is called.
    return smtplib.LMTP("127.0.0.1", port, local_hostname="localhost", timeout=60)


@pytest.fixture
def mail_server(settings: Settings, database: Database) -> Iterator[smtplib.LMTP]:
    with taking_bounces(settings, database) as port, _client(port) as client:
        yield client


def test_bounces_come_by_lmtp(world: World, mail_server: smtplib.LMTP) -> None:
    sent = Sent(world)
    for mail in (sent.bounce(), sent.bounce(), dsn(message_id=OURS)):
        assert mail_server.sendmail("", [f"retur@{DOMAIN}"], mail) == {}
    assert sent.state() == (DeliveryState.UNDELIVERED, "550 5.1.1")
    # Whoever writes there is told that nobody reads it; the notice of an absence, which has no sender, is not.
    with pytest.raises(smtplib.SMTPDataError, match="Nobody reads"):
        mail_server.sendmail("kari@example.com", [f"retur@{DOMAIN}"], letter("Takk!"))
    assert mail_server.sendmail("", [f"retur@{DOMAIN}"], letter("Jeg er borte")) == {}


def test_a_fault_of_the_program_keeps_the_bounce_at_the_mail_server_and_tells_it_nothing(
    mail_server: smtplib.LMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_arguments: object) -> Told:
        raise ValueError(GUARDIAN)

    monkeypatch.setattr("portal.lmtp.take_bounce", fault)
    with pytest.raises(smtplib.SMTPDataError) as answered:
        mail_server.sendmail("", [f"retur@{DOMAIN}"], dsn())
    assert (answered.value.smtp_code, answered.value.smtp_error) == (451, b"4.3.0 Try again later")


def test_a_bounce_that_cannot_be_stored_is_to_be_tried_again(
    settings: Settings, sqlite_database: Database, tmp_path: Path
) -> None:
    sent = Sent(World(sqlite_database))
    away = Database(f"sqlite:///{tmp_path / 'without-tables.db'}")
    with (
        taking_bounces(settings, away) as port,
        _client(port) as client,
        pytest.raises(smtplib.SMTPDataError) as answered,
    ):
        client.sendmail("", [f"retur@{DOMAIN}"], sent.bounce())
    away.dispose()
    assert answered.value.smtp_code == 451
