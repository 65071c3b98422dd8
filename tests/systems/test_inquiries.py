"""Who is asked from beside a run answers in its time, or that it did not is the answer."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chaos.actions import Ask
from chaos.election.ids import Sid
from chaos.history.answers import Answered, answer
from chaos.sandbox.inquirer import LOG_MAX, Answer, read_answer
from chaos.systems.inquiries import Inquiries
from chaos.systems.world import IN_PROCESS, World

SECOND = 1_000_000_000


class Host(World):
    """No world at all: what is asked is asked on this host."""

    def __init__(self) -> None:
        self.network = IN_PROCESS

    def host_of(self, sid: Sid) -> str:
        """Every peer is here."""
        return f"127.0.0.{sid}"


@pytest.fixture
def inquiries() -> Iterator[Inquiries]:
    found = Inquiries(Host())
    yield found
    found.close()


def asked(inquiries: Inquiries, home: Path, action: Ask) -> Answered:
    """The answer, once it is there."""
    assert inquiries.ask(action, home).bit
    while True:
        for found in inquiries.answers():
            return found


def command(*argv: str, within_ns: int = 20 * SECOND, sid: int = 1) -> Ask:
    return Ask("ask", Sid(sid), 1, within_ns, argv)


COMMANDS = {
    "its output": (("echo", "ok"), 0, "ok\n"),
    "its status": (("sh", "-c", "exit 3"), 3, ""),
    "a signal": (("sh", "-c", "kill -9 $$"), -9, ""),
    "no standard error": (("sh", "-c", "echo no >&2; echo yes"), 0, "yes\n"),
    "whom it is about": (
        ("sh", "-c", "echo $CHAOS_SID $CHAOS_ADDRESS $CHAOS_ELECTION_PORT $CHAOS_QUORUM_PORT"),
        0,
        "7 127.0.0.7 3888 2888\n",
    ),
    "no bytes that are no text": (("printf", "\\377"), 0, "\\xff"),
    "its output, whatever it says besides": (("sh", "-c", "printf no >&2; echo yes"), 0, "yes\n"),
    "its output, closed before its end": (("sh", "-c", "echo yes; exec 1>&-; exit 3"), 3, "yes\n"),
    "the beginning of much": (("sh", "-c", "yes | head -c 300000"), 0, "y\n" * 2000),
}


@pytest.mark.parametrize(("argv", "status", "text"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_answers_with(
    argv: tuple[str, ...], status: int, text: str, inquiries: Inquiries, tmp_path: Path
) -> None:
    found = asked(inquiries, tmp_path, command(*argv, sid=7))
    assert (found.status, found.text, found.why) == (status, text, "")
    assert found.since_ns < found.at_ns


def test_a_command_that_cannot_be_run_is_no_answer(inquiries: Inquiries, tmp_path: Path) -> None:
    found = asked(inquiries, tmp_path, command("/no/such/command"))
    assert found.status is None
    assert "cannot be run" in found.why


FOREVER = ("sh", "-c", "echo begun; sleep 600 & echo $!; wait")


def test_one_that_does_not_end_is_killed_with_all_of_it(
    inquiries: Inquiries, tmp_path: Path
) -> None:
    found = asked(inquiries, tmp_path, command(*FOREVER, within_ns=SECOND // 2))
    assert found.status is None
    assert found.why.startswith("no end after 0.5 s")
    begun, pid = found.text.split()
    assert begun == "begun"
    assert gone(int(pid))


ORPHANS = {
    "after its answer": "setsid sleep 600 >&2 & echo $!",
    "after its time": "setsid sleep 600 >&2 & echo $!; setsid sleep 600 & wait",
}


@pytest.mark.parametrize("script", ORPHANS.values(), ids=ORPHANS)
def test_nobody_that_it_started_is_left(script: str, inquiries: Inquiries, tmp_path: Path) -> None:
    found = asked(inquiries, tmp_path, command("sh", "-c", script, within_ns=SECOND))
    assert gone(int(found.text))


def test_what_is_said_besides_fills_no_disk(inquiries: Inquiries, tmp_path: Path) -> None:
    found = asked(inquiries, tmp_path, command("sh", "-c", "yes | head -c 9000000 >&2; echo ok"))
    assert found.text == "ok\n"
    (log,) = tmp_path.glob("*.log")
    assert LOG_MAX < log.stat().st_size < LOG_MAX + 1000


def gone(pid: int) -> bool:
    """Nobody but init waits for it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_whoever_asks_ends_with_the_run(inquiries: Inquiries, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    inquiries.ask(command("sh", "-c", f"echo $$ > {mark}; exec sleep 600"), tmp_path)
    while not (mark.exists() and mark.read_text().strip()):
        assert list(inquiries.answers()) == []
    inquiries.close()
    assert gone(int(mark.read_text()))
    assert list(inquiries.answers()) == []


class Page(http.server.BaseHTTPRequestHandler):
    """``/ready`` is a page."""

    def do_GET(self) -> None:
        ready = self.path == "/ready/1"
        self.send_response(200 if ready else 404)
        self.end_headers()
        self.wfile.write(b"yes\n" if ready else b"what?")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


PAGES = {"a page": ("/ready/{sid}", 200, "yes\n"), "no such page": ("/", 404, "what?")}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_answers_with_its_status_and_its_text(
    page: tuple[str, int, str], inquiries: Inquiries, port: int, tmp_path: Path
) -> None:
    path, status, text = page
    url = f"http://{{address}}:{port}{path}"
    found = asked(inquiries, tmp_path, Ask("ask", Sid(1), 1, 20 * SECOND, url=url))
    assert (found.status, found.text) == (status, text)


NO_PAGES = {
    "no HTTP": (b"HELLO\r\n\r\n", "no page: what came is no HTTP: BadStatusLine"),
    "headers without end": (
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200,
        "no page: what came is no HTTP: HTTPException('got more than 100 headers')",
    ),
    "half a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        "no page: what came is no HTTP: IncompleteRead",
    ),
    "a failure that drips": (b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nx", "no page after"),
}


@pytest.mark.parametrize(("said", "why"), NO_PAGES.values(), ids=NO_PAGES)
def test_what_is_no_page_is_no_answer(
    said: bytes, why: str, inquiries: Inquiries, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        inquiries.ask(Ask("ask", Sid(1), 1, SECOND, url=url), tmp_path)
        page, _ = server.accept()
        with page:
            page.recv(1 << 16)
            page.sendall(said)
            found = next(inquiries.answers(), None)
            while found is None:
                found = next(inquiries.answers(), None)
    assert (found.status, found.text) == (None, "")
    assert found.why.startswith(why)


def test_where_nobody_listens_there_is_no_page(inquiries: Inquiries, tmp_path: Path) -> None:
    found = asked(inquiries, tmp_path, Ask("ask", Sid(1), 1, SECOND, url="http://{address}:1/"))
    assert found.status is None
    assert "no page: " in found.why


PRINTED = {
    "an answer": ('noise\n{"status": 0, "text": "ok", "why": ""}\n', Answer(0, "ok")),
    "nothing": ("", Answer(None, "", "the inquirer ended without an answer; it said: nothing")),
    "a traceback": (
        "Traceback\nMemoryError\n",
        Answer(None, "", "the inquirer ended without an answer; it said: MemoryError"),
    ),
    "another document": (
        json.dumps([1]),
        Answer(None, "", "the inquirer ended without an answer; it said: [1]"),
    ),
}


@pytest.mark.parametrize(("printed", "found"), PRINTED.values(), ids=PRINTED)
def test_what_an_inquirer_prints_is_an_answer_or_none(printed: str, found: Answer) -> None:
    assert read_answer(printed) == found


def test_an_answer_has_words() -> None:
    said = Answered(2, 1, "ask", Sid(1), 1, 0, "imok\n")
    assert answer(said) == 'status 0, "imok"'
    assert answer(Answered(2, 1, "ask", Sid(1), 1, None, "", "no page")) == "no page"


def test_an_answer_moves_no_cursor_and_begins_no_line() -> None:
    """Lines that begin with ``::error::`` are annotations where GitHub reads them."""
    said = Answered(2, 1, "ask", Sid(1), 1, 3, "a\n::error::x \x1b[31mred\r\u2028b\n")
    assert answer(said) == 'status 3, "a ::error::x ⟨001B⟩[31mred b"'
