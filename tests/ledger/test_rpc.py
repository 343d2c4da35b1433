"""rpc and chain: whatever a node says, it is an answer to the question asked or a ChainError with its reason."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger import rpc
from ledger.chain import Call, Chain
from ledger.errors import ChainError, ChainReason

BLOCK = {
    "number": "0x5", "hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32, "timestamp": "0x6553f100",
    "baseFeePerGas": "0x7",
}  # fmt: skip


@pytest.fixture
def node() -> Iterator[Callable[[Callable[[Any], tuple[int, bytes]]], Chain]]:
    """A chain whose node answers each request as the given function says."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answer: Callable[[Any], tuple[int, bytes]]) -> Chain:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, content = answer(body)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return Chain(f"http://127.0.0.1:{server.server_port}/key?x=1", 1, timeout_s=5)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(body: Any, result: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result}).encode()


def refusal(message: str, code: int = -32000, **more: object) -> Callable[[Any], tuple[int, bytes]]:
    error = {"code": code, "message": message, **more}
    return lambda body: (200, json.dumps({"jsonrpc": "2.0", "id": body["id"], "error": error}).encode())


def test_a_good_answer_is_read(node: Any) -> None:
    head = node(lambda body: (200, reply(body, BLOCK))).head()
    assert (head.number, head.hash, head.parent, head.at) == (5, b"\xab" * 32, b"\xcd" * 32, 1_700_000_000)
    assert head.base_fee_wei == 7


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda body: (500, reply(body, BLOCK)), "unreachable"),
        (lambda body: (429, b"slow down"), "unreachable"),
        (lambda body: (302, reply(body, BLOCK)), "unreachable"),
        (lambda body: (307, reply(body, BLOCK)), "unreachable"),
        (lambda body: (200, b""), "bad_answer"),
        (lambda body: (200, b"<html>"), "bad_answer"),
        (lambda body: (200, b"[]"), "bad_answer"),
        (lambda body: (200, b"null"), "bad_answer"),
        (lambda body: (200, b"\xff"), "bad_answer"),
        (lambda body: (200, b"[" * 100_000), "bad_answer"),
        (lambda body: (200, b'{"jsonrpc":"2.0"}'), "bad_answer"),
        (lambda body: (200, reply({"id": body["id"] - 1}, BLOCK)), "bad_answer"),
        (lambda body: (200, reply({"id": str(body["id"])}, BLOCK)), "bad_answer"),
        (lambda body: (200, reply(body, None)), "bad_answer"),
        (lambda body: (200, reply(body, {**BLOCK, "hash": "0xab"})), "bad_answer"),
        (lambda body: (200, reply(body, {**BLOCK, "number": 5})), "bad_answer"),
        (lambda body: (200, reply(body, {**BLOCK, "number": hex(2**63)})), "bad_answer"),
        (lambda body: (200, reply(body, {k: v for k, v in BLOCK.items() if k != "timestamp"})), "bad_answer"),
        (refusal("nonce too low: next nonce 5, tx nonce 4"), "nonce_too_low"),
        (refusal("replacement transaction underpriced"), "underpriced"),
        (refusal("max fee per gas less than block base fee"), "underpriced"),
        (refusal("insufficient funds for gas * price + value"), "insufficient_funds"),
        (refusal("execution reverted", 3, data="0x"), "reverted"),
        (refusal("query returned more than 10000 results", -32005), "too_much"),
        (refusal("limit", -32005), "too_much"),
        (refusal("something new"), "bad_answer"),
    ],
)
def test_any_other_answer_has_its_reason(node: Any, answer: Callable[[Any], tuple[int, bytes]], reason: str) -> None:
    with pytest.raises(ChainError) as caught:
        node(answer).head()
    assert caught.value.reason == reason
    assert caught.value.code == f"chain_{reason}"


def test_answers_are_put_in_the_order_of_the_questions(node: Any) -> None:
    def backwards(body: Any) -> tuple[int, bytes]:
        answers = [{"jsonrpc": "2.0", "id": one["id"], "result": one["params"][1]} for one in body]
        return 200, json.dumps(answers[::-1]).encode()

    chain = node(backwards)
    assert chain.transaction_counts([b"\1" * 20, b"\2" * 20, b"\3" * 20], block=7) == [7, 7, 7]
    assert chain.call([Call(b"\1" * 20, b""), Call(b"\2" * 20, b"")], 16) == [bytes([16]), bytes([16])]


@pytest.mark.parametrize("kept", [slice(1, None), slice(0, -1)])
def test_a_missing_answer_is_no_answer(node: Any, kept: slice) -> None:
    def short(body: Any) -> tuple[int, bytes]:
        return 200, json.dumps([{"id": one["id"], "result": "0x1"} for one in body][kept]).encode()

    with pytest.raises(ChainError) as caught:
        node(short).transaction_counts([b"\1" * 20] * 3)
    assert caught.value.reason is ChainReason.BAD_ANSWER


@pytest.mark.filterwarnings("ignore:Received batch response with missing `id`:RuntimeWarning")
@pytest.mark.parametrize(
    "answers",
    [
        [{"result": "0x1"}] * 3,
        [None, None, None],
        [{"id": "a", "result": "0x1"}, {"id": 1, "result": "0x1"}, {"id": {}, "result": "0x1"}],
        {"id": 1, "result": "0x1"},
        "0x1",
    ],
)
def test_answers_that_name_no_question_are_none(node: Any, answers: object) -> None:
    with pytest.raises(ChainError) as caught:
        node(lambda _: (200, json.dumps(answers).encode())).transaction_counts([b"\1" * 20] * 3)
    assert caught.value.reason is ChainReason.BAD_ANSWER


def test_a_node_that_takes_no_lists_says_so(node: Any) -> None:
    error = {"id": None, "error": {"code": -32600, "message": "too many requests in a batch"}}
    with pytest.raises(ChainError, match="too many requests"):
        node(lambda _: (200, json.dumps(error).encode())).transaction_counts([b"\1" * 20] * 3)


def test_threads_that_share_a_chain_get_their_own_answers(node: Any) -> None:
    def echo(body: Any) -> tuple[int, bytes]:
        answers = [{"id": one["id"], "result": one["params"][1]} for one in body]
        return 200, json.dumps(answers).encode()

    chain, found = node(echo), {}

    def ask(number: int) -> None:
        found[number] = [chain.transaction_counts([b"\1" * 20] * 2, block=number) for _ in range(20)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [[number, number]] * 20 for number in range(6)}


def test_no_more_is_read_than_the_limit(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "ANSWER_BYTES_MAX", 100_000)
    assert node(lambda body: (200, reply(body, BLOCK) + b" " * 90_000)).head().number == 5
    with pytest.raises(ChainError, match="more than 100000 bytes"):
        node(lambda body: (200, reply(body, BLOCK) + b" " * 100_000)).head()


PENDING = {**BLOCK, "number": "0x6", "hash": None, "timestamp": "0x6553f10a"}


@pytest.mark.parametrize(
    ("pending", "next_at"),
    [
        ({"result": PENDING}, 1_700_000_010),
        ({"result": {**PENDING, "timestamp": "0x1"}}, 1_700_000_000),
        ({"result": None}, 1_700_000_000),
        ({"error": {"code": -32602, "message": "pending is not supported"}}, 1_700_000_000),
    ],
    ids=["the node says", "in the past", "the node does not know", "the node refuses"],
)
def test_the_next_blocks_time_is_the_nodes_word_or_the_newest_blocks(
    node: Any, pending: dict[str, object], next_at: int
) -> None:
    def answer(body: Any) -> tuple[int, bytes]:
        said = {"latest": {"result": BLOCK}, "pending": pending}
        return 200, json.dumps([{"id": one["id"], **said[one["params"][0]]} for one in body]).encode()

    tip = node(answer).tip()
    assert (tip.head.at, tip.next_at) == (1_700_000_000, next_at)


LOG = {
    "address": "0x" + 40 * "1", "topics": [], "data": "0x", "blockNumber": "0x5", "blockHash": BLOCK["hash"],
    "transactionHash": "0x" + 64 * "2", "logIndex": "0x0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("logs", "block", "is_taken"),
    [
        ([LOG], BLOCK, True),
        # It has fewer blocks than the node that was asked before, and gives what it has.
        ([], None, False),
        ([LOG | {"blockNumber": "0x3"}], BLOCK, False),
        ([LOG | {"blockNumber": "0x6"}], BLOCK, False),
        ([LOG | {"address": "0x" + 40 * "3"}], BLOCK, False),
    ],
)
def test_logs_count_from_a_node_that_has_all_the_blocks_and_none_beside_them(
    node: Any, logs: list[Any], block: Any, is_taken: bool
) -> None:
    def answer(body: Any) -> tuple[int, bytes]:
        assert [each["method"] for each in body] == ["eth_getLogs", "eth_getBlockByNumber"]
        return 200, b"[" + b",".join(map(reply, body, (logs, block))) + b"]"

    chain = node(answer)
    if is_taken:
        assert [log.block_number for log in chain.logs([b"\x11" * 20], 4, 5)] == [5]
        return
    with pytest.raises(ChainError) as raised:
        chain.logs([b"\x11" * 20], 4, 5)
    assert raised.value.reason is ChainReason.BAD_ANSWER


def test_a_transaction_that_the_node_holds_already_is_a_success(node: Any) -> None:
    node(refusal("already known")).send(b"\2")
    node(refusal("transaction already imported")).send(b"\2")


def test_a_contracts_refusal_is_told_in_its_own_words(node: Any) -> None:
    data = "0x" + "4b65bb3f"
    with pytest.raises(ChainError, match="0x4b65bb3f"):
        node(refusal("execution reverted", 3, data=data)).head()
    with pytest.raises(ChainError, match=r"^ZeroRoot\(\)$"):
        node(refusal("execution reverted", 3, data="0x" + _selector("ZeroRoot()"))).head()


def test_nobody_at_the_address_is_unreachable_and_worth_another_try() -> None:
    with pytest.raises(ChainError) as caught:
        Chain("http://127.0.0.1:1", 1).head()
    assert caught.value.reason is ChainReason.UNREACHABLE
    assert caught.value.is_retryable


@pytest.mark.parametrize("address", ["", "127.0.0.1:8545", "ftp://127.0.0.1", "http://", "http://[", "http://a:99999"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ChainError, match="no http"):
        Chain(address, 1)


def test_a_connection_that_the_node_closed_meanwhile_is_opened_again() -> None:
    is_closed = threading.Event()

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _address = listener.accept()
            with connection, connection.makefile("rb") as request:
                length = next(int(line[15:]) for line in request if line.lower().startswith(b"content-length:"))
                while request.readline().strip():
                    pass
                content = reply(json.loads(request.read(length)), BLOCK)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
            is_closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        chain = Chain(f"http://127.0.0.1:{listener.getsockname()[1]}", 1, timeout_s=5)
        assert chain.head().number == 5
        assert is_closed.wait(5)
        assert chain.head().number == 5
        server.join()


def test_a_chain_that_nobody_holds_any_more_has_no_connection() -> None:
    is_closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
                while connection.recv(2**16):
                    pass
            is_closed.set()

        threading.Thread(target=serve, daemon=True).start()
        chain = Chain(f"http://127.0.0.1:{listener.getsockname()[1]}", 1, timeout_s=5)
        with pytest.raises(ChainError):
            chain.head()
        del chain
        assert is_closed.wait(5)


def test_web3_is_loaded_with_the_first_question_only() -> None:
    script = "import sys, ledger.worker, ledger.chain; ledger.chain.Chain('http://127.0.0.1:1', 1); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"web3", "requests"} & set(loaded) == set()


def _selector(signature: str) -> str:
    from ledger.record import keccak256  # noqa: PLC0415 - only here

    return keccak256(signature.encode())[:4].hex()
