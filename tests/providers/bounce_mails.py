"""Bounces as common mail servers write them, made by hand about persons that do not exist."""

from __future__ import annotations

from email.message import EmailMessage

DOMAIN = "varsling.example.no"
OURS = f"<delivery-17@{DOMAIN}>"
GUARDIAN = "kari@example.com"
# The mail that came back, as its headers were.
HEADERS = f"""From: Eksempel vgs <varsel@{DOMAIN}>
To: {GUARDIAN}
Message-ID: {OURS}
Subject: =?utf-8?q?Skolen_er_l=C3=A5st?=
Auto-Submitted: auto-generated
"""


def report(status: str, returned: str = "", *, words: str = "", head: str = "", returned_as: str = "") -> bytes:
    """A multipart/report. `status`: the blocks of its delivery status; `returned`: what it quotes of our mail."""
    kind = returned_as or ("message/rfc822" if returned else "")
    quoted = f"--=_b\nContent-Type: {kind}\n\n{returned}\n\n" if returned else ""
    return f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: varsel@{DOMAIN}
Subject: Undelivered Mail Returned to Sender
Message-Id: <20261123074012.AAAA@mx.example.com>
Auto-Submitted: auto-replied
{head}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain; charset=us-ascii

{words or "I'm sorry to have to inform you that your message could not be delivered."}

--=_b
Content-Type: message/delivery-status

{status}

{quoted}--=_b--
""".replace("\n", "\r\n").encode()


def dsn(
    action: str = "failed",
    code: str = "5.1.1",
    recipient: str = GUARDIAN,
    diagnostic: str = "smtp; 550 5.1.1 <kari@example.com>: Recipient address rejected: User unknown",
    message_id: str = OURS,
) -> bytes:
    """As Postfix writes it."""
    status = f"""Reporting-MTA: dns; mx.example.com
X-Postfix-Queue-ID: 4F1C2
Arrival-Date: Mon, 23 Nov 2026 08:40:12 +0100 (CET)

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {code}
Remote-MTA: dns; mail.example.com
Diagnostic-Code: {diagnostic}"""
    returned = HEADERS.replace(OURS, message_id) + "\nSkolen er stengt."
    return report(status, returned)


POSTFIX_NO_DOMAIN = report(
    f"""Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {GUARDIAN}
Original-Recipient: rfc822;{GUARDIAN}
Action: failed
Status: 5.4.4
Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error
    for name=example.com type=AAAA: Host not found""",
    HEADERS,
    returned_as="text/rfc822-headers",
)

EXCHANGE = report(
    f"""Reporting-MTA: dns;AM0PR01.eurprd01.prod.example.com
Received-From-MTA: dns;mx.example.com
Arrival-Date: Mon, 23 Nov 2026 07:40:13 +0000

Original-Recipient: rfc822;{GUARDIAN}
Final-Recipient: rfc822;{GUARDIAN}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup""",
    HEADERS + "Content-Type: text/plain\n\nSkolen",
    head=f"In-Reply-To: {OURS}\nReferences: {OURS}\n",
)

GMAIL = report(
    f"""Reporting-MTA: dns; googlemail.com
Arrival-Date: Sun, 22 Nov 2026 23:40:12 -0800 (PST)
X-Original-Message-ID: {OURS}

Final-Recipient: rfc822; {GUARDIAN}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com. (192.0.2.7, the server for the domain example.com.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces.
Last-Attempt-Date: Sun, 22 Nov 2026 23:40:13 -0800 (PST)""",
    HEADERS,
    words="** Address not found **\n\nYour message wasn't delivered.",
    head=f"In-Reply-To: {OURS}\nReferences: {OURS}\nX-Failed-Recipients: {GUARDIAN}\n",
)

# Exim: no delivery status; the original is a part of the words.
EXIM = f"""Return-path: <>
X-Failed-Recipients: {GUARDIAN}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: varsel@{DOMAIN}
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1mxAB-0001@mx.example.com>

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {GUARDIAN}
    host mail.example.com [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<{GUARDIAN}>:
    550 5.2.1 The mailbox is disabled

------ This is a copy of the message, including all the headers. ------

{HEADERS}
Skolen er stengt.
""".encode()

QMAIL = f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.com
To: varsel@{DOMAIN}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{GUARDIAN}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{HEADERS}
Skolen er stengt.
""".encode()


def letter(text: str, **headers: str) -> bytes:
    """What a person, or their absence notice, writes."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = GUARDIAN, f"varsel@{DOMAIN}", "SV: Skolen er låst"
    for name, value in {"In-Reply-To": OURS, **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()
