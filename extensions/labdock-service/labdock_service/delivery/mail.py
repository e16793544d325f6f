"""Mail, through the server that the settings name."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from labdock_service.delivery.messages import Mail, MailServer, Undelivered

SECONDS = 20.0
"""How long the server may take for each answer."""


def send_mail(through: MailServer, mail: Mail) -> None:
    """Hand a mail to the server. Raises Undelivered."""
    if not through.host:
        raise Undelivered("This Labdock sends no e-mail any more.", final=True)
    try:
        with _connect(through) as server:
            if through.user:
                server.login(through.user, through.password)
            server.send_message(_message(through.sender, mail))
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        raise _refused("The mail server refuses your address", code, said) from None
    except smtplib.SMTPAuthenticationError:
        message = "The mail server does not know Labdock's account: tell its admin."
        raise Undelivered(message, final=False) from None
    except smtplib.SMTPResponseException as error:
        what = "The mail server refused the mail"
        raise _refused(what, error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError:
        message = "The mail server knows no STARTTLS: tell Labdock's admin."
        raise Undelivered(message, final=False) from None
    except ssl.SSLError:
        message = "The mail server's certificate is not valid: tell Labdock's admin."
        raise Undelivered(message, final=False) from None
    except (OSError, smtplib.SMTPException):
        raise Undelivered("The mail server does not answer.", final=False) from None


def _connect(through: MailServer) -> smtplib.SMTP:
    host, port = through.host, through.port
    if through.security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=SECONDS)
    if through.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _message(sender: str, mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _refused(what: str, code: int, said: bytes | str) -> Undelivered:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return Undelivered(f"{what}: {code} {' '.join(text.split())[:200]}.", final=code >= 500)
