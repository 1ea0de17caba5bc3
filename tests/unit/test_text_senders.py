"""Text messages: the gateway gets each once in the agreed form, the log gets neither number nor text."""

import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.platform import text_senders
from app.platform.errands import Errands
from app.platform.errors import Busy
from app.platform.settings import Settings
from app.platform.text_senders import (
    ConsoleTextSender,
    FileTextSender,
    HttpTextSender,
    TextMessage,
    TextNotSent,
    is_safe_address,
    read_headers,
)
from tests.factories.provider import run_app

MESSAGE = TextMessage("13800138000", '您的验证码是"012345"', out_id="0190-1")


class Gateway:
    def __init__(self, base: str) -> None:
        self.base, self.seen, self.answers = base, list[tuple[dict[str, str], Any]](), [200]

    async def take(self, request: Request) -> Response:
        self.seen.append((dict(request.headers), json.loads(await request.body())))
        status = self.answers[min(len(self.seen), len(self.answers)) - 1]
        if status == 307:
            return RedirectResponse(self.base + "/send", status_code=307)
        return Response(status_code=status)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        gateway = Gateway(f"http://127.0.0.1:{listening.getsockname()[1]}")
        async with run_app(Starlette(routes=[Route("/send", gateway.take, methods=["POST"])]), listening):
            yield gateway


def http(gateway: Gateway) -> HttpTextSender:
    body = '{"to": ["+86{mobile}"], "params": {"text": "{text}"}, "id": "{out_id}", "n": 1}'
    return HttpTextSender(gateway.base + "/send", body=body, headers={"X-Key": "k"})


async def test_the_gateway_gets_the_body_of_the_template(gateway: Gateway) -> None:
    await http(gateway).send(MESSAGE)
    [(headers, body)] = gateway.seen
    assert body == {"to": ["+8613800138000"], "params": {"text": MESSAGE.text}, "id": "0190-1", "n": 1}
    assert (headers["x-key"], headers["content-type"]) == ("k", "application/json")


async def test_a_gateway_that_stumbles_is_asked_once_more_with_the_same_id(gateway: Gateway) -> None:
    gateway.answers = [503, 200]
    await http(gateway).send(MESSAGE)
    assert [body["id"] for _, body in gateway.seen] == ["0190-1", "0190-1"]


@pytest.mark.parametrize(("answers", "calls"), [([503], 2), ([400], 1), ([307], 1), ([429], 2)])
async def test_what_the_gateway_refuses_is_not_sent(gateway: Gateway, answers: list[int], calls: int) -> None:
    gateway.answers = answers
    with pytest.raises(TextNotSent) as refusal:
        await http(gateway).send(MESSAGE)
    assert str(refusal.value) == ""
    assert len(gateway.seen) == calls


async def test_a_gateway_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_senders, "TIMEOUT_SECONDS", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/send"
        sender = HttpTextSender(url, body='{"m": "{mobile}", "t": "{text}"}', headers={})
        with pytest.raises(TextNotSent):
            await sender.send(MESSAGE)


@pytest.mark.parametrize("url", ["http://sms.example/x", "ftp://sms.example", "sms.example", "https://", ""])
def test_an_address_without_tls_is_refused(url: str) -> None:
    assert not is_safe_address(url)
    with pytest.raises(ValueError, match="https"):
        HttpTextSender(url, body='{"m": "{mobile}", "t": "{text}"}', headers={})


def test_a_template_that_forgets_the_number_is_refused() -> None:
    with pytest.raises(ValueError, match="mobile"):
        HttpTextSender("https://sms.example", body='{"t": "{text}"}', headers={})


async def test_the_file_has_one_line_a_message_and_one_reader(tmp_path: Path) -> None:
    path = tmp_path / "made" / "texts.jsonl"
    sender = FileTextSender(path)
    await sender.send(MESSAGE)
    await sender.send(MESSAGE)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"mobile": "13800138000", "text": MESSAGE.text, "out_id": "0190-1"}] * 2
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_console_shows_a_text_in_a_demo_only(capfd: pytest.CaptureFixture[str]) -> None:
    await ConsoleTextSender(shows=False).send(MESSAGE)
    kept = capfd.readouterr()
    assert "138001" not in kept.out + kept.err
    assert "012345" not in kept.out + kept.err
    await ConsoleTextSender(shows=True).send(MESSAGE)
    shown = capfd.readouterr()
    assert "[demo only: text message to 13800138000]" in shown.err


def test_headers_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("Authorization: Bearer a:b\n\nX-Key:  k \n")
    assert read_headers(path) == {"Authorization": "Bearer a:b", "X-Key": "k"}
    path.write_text("no colon here\n")
    with pytest.raises(ValueError, match="one header a line"):
        read_headers(path)


PRODUCTION = {"environment": "production", "database_url": "postgresql://db/x"}


@pytest.mark.parametrize(
    "given",
    [
        {"text_sender": "console"}, {"text_sender": "file"}, {"host_adapter": "mock"},
        {"text_sender": "http"},
        {"text_sender": "http", "text_http_url": "http://sms.example"}, {"host_adapter": "oidc"},
        {"host_adapter": "oidc", "oidc_issuer": "http://idp.example", "oidc_client_id": "x"},
        {"host_adapter": "oidc", "oidc_issuer": "https://idp.example", "oidc_client_id": "x",
         "oidc_jwks_uri": "https://idp.example/keys"},
        {"host_adapter": "ticket_hmac"},
    ],
)  # fmt: skip
def test_production_refuses_what_lets_anybody_in_or_cannot_work(given: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        Settings(**(PRODUCTION | given))  # type: ignore[arg-type]


def test_production_without_a_choice_sends_nothing_and_believes_nobody() -> None:
    settings = Settings(**PRODUCTION)  # type: ignore[arg-type]
    assert (settings.text_sender, settings.host_adapter) == (None, "none")


async def test_errands_are_done_after_the_answer_and_the_line_is_bounded(
    capfd: pytest.CaptureFixture[str],
) -> None:
    import asyncio

    gate, done = asyncio.Event(), list[int]()
    errands = Errands(runners=1, most_waiting=2)

    async def wait() -> None:
        await gate.wait()
        done.append(1)

    async def fail() -> None:
        raise ValueError("13800138000")

    errands.add("a", wait)
    await asyncio.sleep(0)
    errands.add("b", fail)
    errands.add("c", wait)
    with pytest.raises(Busy):
        errands.check()
    with pytest.raises(Busy):
        errands.add("d", wait)
    gate.set()
    await errands.settle()
    assert done == [1, 1]
    errands.check()
    await errands.close()
    assert "13800138000" not in "".join(capfd.readouterr())
