"""Mail through a server that takes it, refuses it, breaks off or says nothing."""

from __future__ import annotations

import email
import socketserver
import threading
from contextlib import contextmanager

import pytest
from django.core.mail.backends import smtp

from budgets.connectors.errors import NotDelivered
from budgets.connectors.mail import send_mail

GOOD = {
    "EHLO": "250 hello",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 kept",
    "QUIT": "221 bye",
}


class Conversation(socketserver.StreamRequestHandler):
    """The least of SMTP: one answer for each word, as the server was told."""

    def handle(self) -> None:
        self.say(self.server.answers.get("hello", "220 ready"))
        while line := self.rfile.readline():
            word = line.decode().split()[0].upper()
            self.say(self.server.answers.get(word, "250 ok"))
            if word == "DATA":
                self.read_message()
            elif word == "QUIT":
                return

    def read_message(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.taken.append(email.message_from_bytes(b"".join(lines)))
        self.say(self.server.answers["."])

    def say(self, words: str) -> None:
        if words:
            self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def mail_server(settings, **answers: str):
    """A server that EMAIL_URL names; yields the messages that it took."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.answers, server.taken = {**GOOD, **answers}, []
        settings.EMAIL_BACKEND = f"{smtp.__name__}.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 0.3
        settings.DEFAULT_FROM_EMAIL = "Commonwatt <commonwatt@example.org>"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.taken
        server.shutdown()


def send(recipients=("ada@example.org", "grace@example.org"), subject="A budget", text="Zwölf g CO2e"):
    send_mail(recipients, subject=subject, text=text, message_id="11111111")


def test_a_message_goes_to_all_recipients_under_the_id_of_its_delivery(settings):
    with mail_server(settings) as taken:
        send()
    (message,) = taken

    assert message["To"] == "ada@example.org, grace@example.org"
    assert message["From"] == "Commonwatt <commonwatt@example.org>"
    assert message["Message-ID"] == "<11111111@example.org>"
    assert message.get_payload(decode=True).decode().strip() == "Zwölf g CO2e"


def test_a_subject_cannot_begin_another_header(settings):
    with mail_server(settings) as taken:
        send(subject="A budget\r\nBcc: all@example.org")

    assert taken[0]["Bcc"] is None
    assert taken[0]["Subject"] == "A budget Bcc: all@example.org"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"RCPT": "550 no such person ada@example.org"}, "refused every recipient"),
        ({"MAIL": "451 later"}, "answered 451"),
        ({".": "552 too large"}, "answered 552"),
        ({"hello": "554 go away"}, "answered 554"),
        ({"hello": ""}, "could not be sent"),
    ],
)
def test_what_the_server_does_not_take_is_told_without_what_it_said(settings, answers, words):
    with mail_server(settings, **answers), pytest.raises(NotDelivered, match=words) as failed:
        send()

    assert "ada" not in str(failed.value)


def test_a_recipient_that_no_header_can_hold_is_no_crash(settings):
    with mail_server(settings) as taken, pytest.raises(NotDelivered):
        send(recipients=["ada@example.org\nBcc: all@example.org"])

    assert taken == []
