"""Plain e-mail through the server that EMAIL_URL names."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from budgets.connectors.errors import NotDelivered

LONGEST_SUBJECT_CHARACTERS = 150


def send_mail(recipients: Sequence[str], *, subject: str, text: str, message_id: str) -> None:
    """One message to all recipients. Raises NotDelivered.

    `message_id` is the same for each try of the same message, so that mail programs show it once.
    """
    if not settings.HAS_EMAIL:
        raise NotDelivered("this deployment sends no e-mail: EMAIL_URL is not set")
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    message = EmailMessage(
        subject=" ".join(subject.split())[:LONGEST_SUBJECT_CHARACTERS],  # a line break would begin another header
        body=text,
        to=list(recipients),
        headers={"Message-ID": f"<{message_id}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(fail_silently=False),
    )
    try:
        message.send()
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(f"the mail server answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotDelivered("the mail server refused every recipient") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:  # the last of an address that no header can hold
        raise NotDelivered(f"the mail could not be sent ({type(error).__name__})") from None
