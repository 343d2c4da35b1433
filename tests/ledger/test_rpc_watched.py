"""What is asked of a chain's node can be watched, and what is said of it in words tells no secret of its address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger import rpc
from ledger.chain import Chain
from ledger.errors import ChainError, ChainReason
from ledger.rpc import Rpc, shown

Seen = list[tuple[str, tuple[ChainReason, ...]]]


@pytest.fixture
def seen() -> Iterator[Seen]:
    """What a watcher is told while the test runs."""
    told: Seen = []
    own = threading.get_ident()

    def watcher(method: str, seconds: float, reasons: tuple[ChainReason, ...]) -> None:
        assert seconds > 0
        # Other tests' chains may be at work in other threads of this process.
        if threading.get_ident() == own:
            told.append((method, reasons))

    rpc.watch(watcher)
    yield told
    rpc._watchers.remove(watcher)


def test_a_watcher_is_told_of_each_request(start_anvil: Callable[..., Any], seen: Seen) -> None:
    anvil = start_anvil()
    chain = Chain(anvil.url, anvil.chain_id)
    chain.head()
    chain.tip()
    assert seen == [("eth_getBlockByNumber", ()), ("eth_getBlockByNumber", ())]


def test_a_watcher_is_told_why_a_question_was_refused(start_anvil: Callable[..., Any], seen: Seen) -> None:
    anvil = start_anvil()
    with pytest.raises(ChainError):
        Rpc(anvil.url, timeout_s=5).ask([("eth_chainId", []), ("eth_noSuchThing", [])])
    assert seen == [("eth_chainId", (ChainReason.BAD_ANSWER,))]


def test_a_watcher_is_told_of_a_node_that_does_not_answer(seen: Seen) -> None:
    with pytest.raises(ChainError):
        Chain("http://127.0.0.1:1", 1).head()
    assert seen == [("eth_getBlockByNumber", (ChainReason.UNREACHABLE,))]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("https://rpc.example.org/", "https://rpc.example.org"),
        ("https://mainnet.example.org/v3/0123456789abcdef", "https://mainnet.example.org/…"),
        ("https://rpc.example.org?key=0123456789abcdef", "https://rpc.example.org/…"),
        ("http://tally:pass@word@[::1]:8545", "http://[::1]:8545"),
    ],
)
def test_of_an_address_only_host_and_port_are_shown(url: str, words: str) -> None:
    assert shown(url) == words


def test_an_error_does_not_tell_the_secret_in_an_address() -> None:
    with pytest.raises(ChainError) as caught:
        Chain("http://tally:hidden@127.0.0.1:1/v3/hidden?key=hidden", 1).head()
    assert "127.0.0.1:1" in str(caught.value)
    assert "hidden" not in str(caught.value)
