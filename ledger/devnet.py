"""The embedded chain: a local Anvil as a supervised child, and a journal of its blocks from which it is replayed.

Anvil keeps its blocks in memory. So each block's time and raw transactions are on disk, synced, before the block is
mined; a new Anvil fed with them comes to the very same blocks, hash for hash (each line names its parent's hash, and
replaying checks it). What had been handed in but not been mined is sent again by whoever sent it: the outbox does.

Blocks are mined by `step` alone, and only where there is something to mine. Nobody pays: base fee and gas price are 0.
This file runs a process, touches the disk, and speaks to its own child only.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from ledger.blockjournal import Block, Checkpoint, Journal, replace_file
from ledger.errors import ChainError, DevnetError, InvalidHex
from ledger.hexadecimal import from_hex, to_hex
from ledger.keystore import LocalSigner
from ledger.rpc import Rpc

HARDFORK = "osaka"
GAS_LIMIT = 100_000_000_000
"""Far beyond what a block of ours uses: the base fee rises from 0 only after a block that is more than half full."""
STATES_KEPT = 64
"""How many blocks back state can be asked for. Anvil copies its whole state for each, so more costs memory."""
SETTLE_S = 3
"""After so many quiet seconds one empty block follows, so that what takes effect one second after its block does."""
CHECKPOINT = "checkpoint.json.gz"
CHECKPOINT_BLOCKS = 500
"""So many blocks are replayed at most; Anvil takes ever longer for one, for it hashes its whole state each time."""
STARTUP_S_MAX = 30.0
CALL_S_MAX = 60.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Genesis:
    """What makes one embedded chain unlike any other; chain.json. The key deploys the contracts and owns nothing."""

    chain_id: int
    deployer: LocalSigner
    genesis_at: int


class Devnet:
    """A running embedded chain. Made by `Devnet.start`; belongs to one thread."""

    def __init__(self, folder: Path, genesis: Genesis, anvil: Path, port: int, lock: IO[bytes]) -> None:
        self.chain_id, self.deployer = genesis.chain_id, genesis.deployer
        self.rpc_url = f"http://127.0.0.1:{port}"
        self._folder, self._genesis, self._anvil, self._port, self._lock = folder, genesis, anvil, port, lock
        self._journal = Journal(folder / "blocks.journal")
        self._head_hash = b""
        self._checkpointed = self._told_at = 0
        try:
            self._launch()
        except BaseException:
            self._journal.close()
            raise

    @classmethod
    def start(cls, folder: Path, *, port: int, started_at: int, anvil: Path | None = None) -> Devnet:
        """The embedded chain of that data folder, replayed to where it was, listening on `port` of the loopback.

        Chain id and deployer key are drawn at the first start; `started_at` (seconds) is the genesis block's time
        then, and means nothing later. Raises DevnetError where it can't run or another process runs it already.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(folder / "lock")
        try:
            _end_orphan(folder / "anvil.pid")
            return cls(folder, _genesis(folder / "chain.json", started_at), anvil or find_anvil(), port, lock)
        except BaseException:
            lock.close()
            raise

    @property
    def head_number(self) -> int:
        """The newest block's number."""
        return len(self._journal.blocks)

    @property
    def head_at(self) -> int:
        """The newest block's time in seconds; no block will be earlier."""
        return self._journal.blocks[-1].at if self._journal.blocks else self._genesis.genesis_at

    @property
    def genesis_at(self) -> int:
        """The first block's time in seconds."""
        return self._genesis.genesis_at

    @property
    def pid(self) -> int:
        """The process id of Anvil at this moment; another one after it died and was started again."""
        return self._process.pid

    def step(self, now: int) -> bool:
        """Mines what is waiting, if anything is, in one block of the time `now` (seconds). True if it mined.

        Cheap to call every few milliseconds. Where nothing is mined, Anvil is told the time all the same, so that it
        says when a block would be. A clock that went back gives blocks of the newest block's time, never earlier ones.
        An Anvil that died or hangs is started again and replayed. Raises DevnetError.
        """
        head_before = self.head_number
        try:
            if self._waiting_count() > 0 or self._is_settling_due(now):
                self._mine(now)
            elif now > max(self._told_at, self.head_at):
                self._call("evm_setNextBlockTimestamp", now)
                self._told_at = now
        except ChainError:
            # A block that is in the journal already is mined by the replay.
            self._restart()
        return self.head_number > head_before

    def mine_at(self, at: int) -> None:
        """Mines a block of that time (seconds; at least the newest block's), empty where nothing is waiting.

        For set-up and for stories that play in the past. Raises DevnetError.
        """
        head_before = self.head_number
        try:
            self._mine(at)
        except ChainError:
            self._restart()
            if self.head_number == head_before:
                self.mine_at(at)

    def stop(self) -> None:
        """Ends Anvil and lets go of the folder. Nothing is lost by it, nor by a stop without it."""
        self._end()
        self._rpc.close()
        (self._folder / "anvil.pid").unlink(missing_ok=True)
        self._journal.close()
        self._lock.close()

    def _mine(self, at: int) -> None:
        """Journal first, then mine, then see whether the block is the one that was written. Raises ChainError."""
        hashes = self._call("eth_getBlockByNumber", "pending", False)["transactions"]
        planned = Block(self.head_number + 1, self._head_hash, max(at, self.head_at), self._raw(hashes))
        self._journal.append(planned)
        mined = self._call("evm_mine_detailed", {"timestamp": planned.at})[0]
        mined_hashes = [transaction["hash"] for transaction in mined["transactions"]]
        if mined_hashes != hashes:
            # A transaction came in, or was replaced, between the two calls.
            self._journal.append(replace(planned, transactions=self._raw(mined_hashes)))
        self._head_hash = from_hex(mined["hash"], 32)
        self._checkpoint_if_due()

    def _is_settling_due(self, now: int) -> bool:
        blocks = self._journal.blocks
        return bool(blocks) and bool(blocks[-1].transactions) and now >= blocks[-1].at + SETTLE_S

    def _waiting_count(self) -> int:
        return int(self._call("txpool_status")["pending"], 16)

    def _raw(self, hashes: Sequence[str]) -> tuple[bytes, ...]:
        """The transactions of those hashes, without any that has been replaced meanwhile."""
        found = (self._call("eth_getRawTransactionByHash", text) for text in hashes)
        return tuple(bytes.fromhex(text[2:]) for text in found if text is not None)

    # ------------------------------------------------------------------------------------------- the child process

    def _restart(self) -> None:
        self._end()
        self._rpc.close()
        self._launch()

    def _launch(self) -> None:
        """A fresh Anvil, brought to the state of the journal."""
        options = (
            f"--host=127.0.0.1 --port={self._port} --chain-id={self.chain_id} --timestamp={self._genesis.genesis_at} "
            f"--hardfork={HARDFORK} --no-mining --order=fifo --accounts=0 --base-fee=0 --gas-price=0 "
            f"--gas-limit={GAS_LIMIT} --prune-history={STATES_KEPT} --no-request-size-limit "
            "--disable-min-priority-fee --disable-default-create2-deployer --no-cors --silent"
        )
        # A session of its own, so that Ctrl-C in a terminal reaches us first; a home of its own, for it writes there.
        self._process = subprocess.Popen(  # noqa: S603 - our own binary, our own options
            [str(self._anvil), *options.split()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "HOME": str(self._folder)},
            preexec_fn=partial(_end_with_parent, os.getpid()) if _can_end_with_parent() else None,  # noqa: PLW1509 - one system call
        )  # fmt: skip
        try:
            (self._folder / "anvil.pid").write_text(f"{self._process.pid} {self.chain_id}\n")
            self._rpc = Rpc(self.rpc_url, timeout_s=CALL_S_MAX)
            self._await_answer()
            self._replay()
            # Its blocks have the times that we give them. What its own clock says of the next one would mislead.
            self._call("anvil_setBlockTimestampInterval", 0)
        except BaseException:
            self._end()
            raise

    def _await_answer(self) -> None:
        """Returns once Anvil answers. Raises DevnetError where it ended, or another program has the port."""
        deadline_s = time.monotonic() + STARTUP_S_MAX
        while time.monotonic() < deadline_s and self._process.poll() is None:
            try:
                chain_id = int(self._call("eth_chainId"), 16)
            except ChainError:
                time.sleep(0.01)
                continue
            if chain_id == self.chain_id:
                return
            break
        raise DevnetError(f"the embedded chain did not start on port {self._port}: is the port taken?")

    def _replay(self) -> None:
        """Mines every block of the journal again. Raises DevnetError where one comes out otherwise than it was."""
        self._head_hash = from_hex(self._call("eth_getBlockByNumber", "0x0", False)["hash"], 32)
        self._checkpointed = self._load_checkpoint()
        for block in self._journal.blocks[self._checkpointed :]:
            if block.parent != self._head_hash:
                raise DevnetError(
                    f"block {block.number - 1} of the journal comes out otherwise than it was: "
                    "was it made by another version of Anvil?"
                )
            for raw in block.transactions:
                self._call("eth_sendRawTransaction", to_hex(raw))
            mined = self._call("evm_mine_detailed", {"timestamp": block.at})[0]
            self._head_hash = from_hex(mined["hash"], 32)
        self._checkpoint_if_due()

    def _load_checkpoint(self) -> int:
        """Takes Anvil to the checkpoint's block and returns its number; 0 where there is none that fits the journal."""
        checkpoint = Checkpoint.read(self._folder / CHECKPOINT)
        blocks = self._journal.blocks
        if checkpoint is None or not 0 < checkpoint.number <= len(blocks):
            return 0
        is_next_ours = checkpoint.number == len(blocks) or blocks[checkpoint.number].parent == checkpoint.hash
        if not is_next_ours:
            return 0
        self._call("anvil_loadState", checkpoint.state)
        head = self._call("eth_getBlockByNumber", "latest", False)
        if (int(head["number"], 16), head["hash"]) != (checkpoint.number, to_hex(checkpoint.hash)):
            (self._folder / CHECKPOINT).unlink()
            raise DevnetError("the checkpoint of the embedded chain was not what it said and is deleted: start again")
        self._head_hash = checkpoint.hash
        return checkpoint.number

    def _checkpoint_if_due(self) -> None:
        if self.head_number - self._checkpointed < CHECKPOINT_BLOCKS:
            return
        checkpoint = Checkpoint(self.head_number, self._head_hash, self._call("anvil_dumpState"))
        try:
            checkpoint.write(self._folder / CHECKPOINT)
        except OSError as error:
            _log.warning("no checkpoint of the embedded chain, the next start takes longer: %s", error)
        self._checkpointed = self.head_number

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _call(self, method: str, *params: object) -> Any:
        """One question to the child. Raises ChainError where it does not answer, DevnetError where it refuses."""
        try:
            return self._rpc.ask([(method, params)])[0]
        except ChainError as error:
            if error.is_retryable:
                raise
            raise DevnetError(f"the embedded chain refuses {method}: {error.detail}") from error


def find_anvil() -> Path:
    """Anvil itself, not its Node wrapper (which would leave it behind when killed). Raises DevnetError."""
    packages = Path(__file__).resolve().parent.parent / "node_modules" / "@foundry-rs"
    found = next(packages.glob("anvil-*/bin/anvil"), None) or shutil.which("anvil")
    if found is None:
        raise DevnetError(f"there is no Anvil under {packages}: run `make setup`")
    return Path(found)


def draw_genesis(genesis_at: int, randomness: Callable[[int], bytes] = secrets.token_bytes) -> Genesis:
    """A fresh chain id and deployer key. The id begins with 952, GS1's prefix for demonstrations."""
    chain_id = 952_000_000_000 + int.from_bytes(randomness(8), "big") % 1_000_000_000
    return Genesis(chain_id, LocalSigner(randomness(32)), genesis_at)


def _genesis(path: Path, started_at: int) -> Genesis:
    """The genesis on disk; where there is none yet, a new one, on disk before it is used."""
    try:
        values = json.loads(path.read_bytes())
        secret = from_hex(values["deployerKey"], 32)
        return Genesis(int(values["chainId"]), LocalSigner(secret), int(values["genesisAt"]))
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError, InvalidHex) as error:
        raise DevnetError(f"{path} does not describe an embedded chain: restore it from a copy") from error
    genesis = draw_genesis(started_at)
    values = {
        "chainId": genesis.chain_id,
        "genesisAt": genesis.genesis_at,
        "deployerKey": to_hex(genesis.deployer.secret),
    }
    replace_file(path, json.dumps(values, indent=1).encode())
    return genesis


def _lock(path: Path) -> IO[bytes]:
    """An open file that keeps every other process out of the folder until it is closed. Raises DevnetError."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DevnetError(f"another process runs the embedded chain of {path.parent}: stop it first") from error
    return file


def _can_end_with_parent() -> bool:
    # Linux watches the thread that starts a process, not the process: only the main thread lasts as long as we do.
    return sys.platform == "linux" and threading.current_thread() is threading.main_thread()


def _end_with_parent(parent: int) -> None:
    """Runs in the child: it is killed as soon as we are gone, even where we can't end it ourselves (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was gone before the line above.
        os._exit(1)


def _end_orphan(path: Path) -> None:
    """Ends an Anvil whose supervisor was killed. Its blocks are in the journal, and nobody steps it any more.

    The process must be an Anvil with our chain id: the number may have been given to another process since.
    """
    try:
        pid, chain_id = path.read_text().split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if b"anvil" in command and f"--chain-id={chain_id}".encode() in command.split(b"\0"):
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            return
