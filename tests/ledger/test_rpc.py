"""rpc and chain: whatever a node says, it is an answer to the question asked or a ChainError with its reason."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

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
        (lambda body: (200, b""), "bad_answer"),
        (lambda body: (200, b"<html>"), "bad_answer"),
        (lambda body: (200, b"[]"), "bad_answer"),
        (lambda body: (200, b"null"), "bad_answer"),
        (lambda body: (200, b'{"jsonrpc":"2.0"}'), "bad_answer"),
        (lambda body: (200, reply({"id": body["id"] - 1}, BLOCK)), "bad_answer"),
        (lambda body: (200, reply({"id": str(body["id"])}, BLOCK)), "bad_answer"),
        (lambda body: (200, reply(body, None)), "bad_answer"),
        (lambda body: (200, reply(body, {**BLOCK, "hash": "0xab"})), "bad_answer"),
        (lambda body: (200, reply(body, {**BLOCK, "number": 5})), "bad_answer"),
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


@pytest.mark.parametrize("address", ["", "127.0.0.1:8545", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ChainError, match="no http"):
        Chain(address, 1)


def test_a_connection_that_the_node_closed_meanwhile_is_opened_again(node: Any) -> None:
    chain = node(lambda body: (200, reply(body, BLOCK)))
    chain.head()
    chain._rpc._line().connection.sock.shutdown(2)
    assert chain.head().number == 5


def _selector(signature: str) -> str:
    from ledger.record import keccak256  # noqa: PLC0415 - only here

    return keccak256(signature.encode())[:4].hex()
