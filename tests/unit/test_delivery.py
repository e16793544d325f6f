"""Mail and webhooks, against real servers."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import free_port
from tests.support.receivers import Hooks, Mailbox, certificate, mail_server, webhooks

from labdock_service.delivery import webhook
from labdock_service.delivery.mail import send_mail
from labdock_service.delivery.messages import Hook, Mail, MailServer, Undelivered
from labdock_service.delivery.webhook import check_url, is_public, send_hook
from labdock_service.errors import Invalid

HERE = ["127.0.0.1"]
MAIL = Mail(id="n1234567890", to="ada@example.org", subject="Déjà vu", text="It ended.\n")


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with webhooks() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


def hook(url: str) -> Hook:
    return Hook(id="n1234567890", url=url, key="ldw_key", body=b'{"text": "It ended."}')


def through(mailbox: Mailbox, **more: Any) -> MailServer:
    return MailServer(
        host="127.0.0.1",
        port=mailbox.port,
        sender="Labdock <labdock@example.org>",
        **{"security": "none", **more},
    )


def undelivered(error: pytest.ExceptionInfo[Undelivered]) -> tuple[str, bool]:
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence, error.value.final


def test_a_webhook_is_told_and_can_check_who_tells(hooks: Hooks) -> None:
    send_hook(hook(hooks.url), HERE)
    (request,) = hooks.received
    assert (request.path, request.body) == ("/hooks/x7k?y=1", b'{"text": "It ended."}')
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Labdock-Delivery"] == "n1234567890"
    signed = hmac.new(b"ldw_key", request.body, hashlib.sha256).hexdigest()
    assert request.headers["Labdock-Signature"] == f"sha256={signed}"
    assert request.headers["Host"] == hooks.url.split("/")[2]


@pytest.mark.parametrize(
    ("status", "final"),
    [(302, True), (404, True), (410, True), (408, False), (429, False), (500, False), (503, False)],
)
def test_an_answer_says_whether_to_try_again(hooks: Hooks, status: int, final: bool) -> None:
    hooks.answers = [status]
    with pytest.raises(Undelivered, match=str(status)) as error:
        send_hook(hook(hooks.url), HERE)
    assert undelivered(error)[1] is final
    assert [request.path for request in hooks.received] == ["/hooks/x7k?y=1"]


def test_nothing_inside_is_told(hooks: Hooks) -> None:
    port = hooks.url.split(":")[2].split("/")[0]
    for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0x7f.1", "0"):
        with pytest.raises(Undelivered, match="not on the internet") as error:
            send_hook(hook(f"http://{host}:{port}/"), [])
        assert undelivered(error)[1] is True
    assert hooks.received == []


def test_a_name_is_looked_up_once(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that leads outside when it is checked, and inside when it is used."""
    asked: list[str] = []
    really = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        if host == "example.test":
            host = "192.0.2.1" if asked.count(host) == 1 else "127.0.0.1"
        return really(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(webhook, "is_public", lambda address: address == "192.0.2.1")
    monkeypatch.setattr(webhook, "SECONDS", 0.05)
    with pytest.raises(Undelivered, match="no answer"):
        send_hook(hook(hooks.url.replace("127.0.0.1", "example.test")), [])
    assert asked.count("example.test") == 1
    assert hooks.received == []


def test_nobody_there(hooks: Hooks) -> None:
    for url in (f"http://127.0.0.1:{free_port()}/", hooks.url.replace("http:", "https:")):
        with pytest.raises(Undelivered) as error:
            send_hook(hook(url), HERE)
        assert undelivered(error)[1] is False
    with pytest.raises(Undelivered, match="Nothing is known"):
        send_hook(hook("http://nowhere.invalid/"), [])


def test_one_that_answers_too_slowly_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "DEADLINE", 0.3)
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 2")
            while not ended.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(Undelivered, match="no answer"):
            send_hook(hook(f"http://127.0.0.1:{listener.getsockname()[1]}/"), HERE)
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("::8.8.8.8", False),
        ("fec0::1", False),
    ],
)
def test_what_is_on_the_internet(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "https://",
        "https://exa mple.org/",
        "https://a..b/",
        f"https://{'a' * 64}.org/",
        "https://example.org:99999/",
        "https://ada:pw@example.org/",
        "http://localhost/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::1",
        "https://éxample.org/",
        "javascript:alert(1)",
        "https://example.org/\r\nHost: elsewhere",
    ],
)
def test_what_is_no_webhook(url: str) -> None:
    with pytest.raises(Invalid) as error:
        check_url(url, [])
    assert "pw" not in str(error.value)


def test_a_host_that_is_no_name_is_not_looked_for() -> None:
    with pytest.raises(Undelivered, match="Nothing is known") as error:
        send_hook(hook("https://a..b/"), [])
    assert undelivered(error)[1] is True


def test_what_is_one() -> None:
    assert check_url("https://hooks.example.org/services/T0/B0?x", []) == "hooks.example.org"
    assert check_url("http://127.0.0.1:8065/hooks/x", HERE) == "127.0.0.1"


def test_a_mail_arrives(mailbox: Mailbox) -> None:
    send_mail(through(mailbox), MAIL)
    (mail,) = mailbox.mails
    assert (mail["From"], mail["To"]) == ("Labdock <labdock@example.org>", "ada@example.org")
    assert mail["Message-ID"] == "<n1234567890@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_payload(decode=True) == b"It ended.\r\n"


def test_the_mail_server_says_no(mailbox: Mailbox) -> None:
    mailbox.busy = 1
    with pytest.raises(Undelivered, match=r"451 .* try again later") as error:
        send_mail(through(mailbox), MAIL)
    assert undelivered(error)[1] is False
    with pytest.raises(Undelivered, match="refuses your address: 550") as error:
        send_mail(through(mailbox), Mail(id="n1", to="nobody@example.org", subject="x", text="x"))
    assert undelivered(error)[1] is True
    with pytest.raises(Undelivered, match="STARTTLS") as error:
        send_mail(through(mailbox, security="starttls"), MAIL)
    assert mailbox.mails == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_the_mail_server_asks_for_a_login() -> None:
    with mail_server(login=True) as mailbox:
        account = {"user": "labdock", "password": "mail-password"}
        send_mail(through(mailbox, **account), MAIL)
        assert len(mailbox.mails) == 1
        account["password"] = "another-password"
        with pytest.raises(Undelivered, match="account") as error:
            send_mail(through(mailbox, **account), MAIL)
        assert "password" not in undelivered(error)[0]


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, context = certificate(tmp_path)
    with webhooks(context) as hooks, mail_server(secure=context) as mailbox:
        settings = through(mailbox, security="starttls")
        with pytest.raises(Undelivered, match="its certificate is not valid"):
            send_hook(hook(hooks.url), HERE)
        with pytest.raises(Undelivered, match="certificate is not valid"):
            send_mail(settings, MAIL)
        assert (hooks.received, mailbox.mails) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        send_hook(hook(hooks.url), HERE)
        send_mail(settings, MAIL)
        assert (len(hooks.received), len(mailbox.mails)) == (1, 1)


def test_no_mail_server() -> None:
    with mail_server() as mailbox:
        settings = through(mailbox)
    with pytest.raises(Undelivered, match="does not answer") as error:
        send_mail(settings, MAIL)
    assert undelivered(error)[1] is False
    with pytest.raises(Undelivered) as error:
        send_mail(MailServer(), MAIL)
    assert undelivered(error)[1] is True
