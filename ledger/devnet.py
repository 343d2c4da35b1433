"""The embedded chain: a local Anvil as a supervised child, and a journal of its blocks from which it is replayed.

Anvil keeps its blocks in memory. So each block's time and raw transactions are on disk, synced, before the block is
mined; a new Anvil fed with them comes to the very same blocks, hash for hash (each line names its parent's hash, and
replaying checks it). What had been handed in but not been mined is sent again by whoever sent it: the outbox does.

Blocks are mined by `step` alone, and only where there is something to mine. Nobody pays: base fee and gas price are 0.
This file runs a process, touches the disk, and speaks to its own child only.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
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
from pathlib import Path
from typing import IO, Any

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
STARTUP_S_MAX = 30.0
CALL_S_MAX = 60.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Block:
    """One line of the journal: a block's number, its parent's hash, its time in seconds, its raw transactions."""

    number: int
    parent: bytes
    at: int
    transactions: tuple[bytes, ...]

    def line(self) -> bytes:
        """The block as one line of JSON."""
        values = {
            "number": self.number,
            "parent": to_hex(self.parent),
            "at": self.at,
            "transactions": [to_hex(raw) for raw in self.transactions],
        }
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @staticmethod
    def from_line(line: bytes) -> Block:
        """Inverse of `line`. Raises ValueError where it is none."""
        try:
            values = json.loads(line)
            raws = tuple(bytes.fromhex(text.removeprefix("0x")) for text in values["transactions"])
            return Block(int(values["number"]), from_hex(values["parent"], 32), int(values["at"]), raws)
        except (KeyError, TypeError, AttributeError, InvalidHex) as error:
            raise ValueError("not a block") from error


class Journal:
    """The blocks of the embedded chain on disk, in order. A block is written and synced before it is mined.

    A line with the number of the line before takes its place: what was mined is not always what was planned. A last
    line that was cut short stands for a block that was never mined, and is dropped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.blocks: list[Block] = []
        is_new = not path.exists()
        # Unbuffered: what the disk refuses must not linger and be written later.
        self._file = path.open("ab", buffering=0)
        if is_new:
            sync_folder(path.parent)
        try:
            self._size = self._load()
            self._file.truncate(self._size)
        except BaseException:
            self._file.close()
            raise

    def append(self, block: Block) -> None:
        """Puts a block on disk. When this returns it survives a power cut. Raises DevnetError, with nothing added."""
        line = block.line()
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._size)
            raise DevnetError(f"no block is mined, for {self._path} can't be written: {error.strerror}") from error
        self._size += len(line)
        self._keep(block)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _load(self) -> int:
        """Reads what is there. Returns the size in bytes of what is whole."""
        size = 0
        for line in self._path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                self._keep(Block.from_line(line))
            except ValueError as error:
                where = f"byte {size} of {self._path}"
                raise DevnetError(f"{where} is no block of the embedded chain: restore the file from a copy") from error
            size += len(line)
        return size

    def _keep(self, block: Block) -> None:
        if self.blocks and self.blocks[-1].number == block.number:
            self.blocks.pop()
        if block.number != len(self.blocks) + 1:
            raise ValueError(f"block {block.number} follows block {len(self.blocks)}")
        self.blocks.append(block)


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

        Cheap to call every few milliseconds. A clock that went back gives blocks of the newest block's time, never
        earlier ones. An Anvil that died or hangs is started again and replayed. Raises DevnetError.
        """
        head_before = self.head_number
        try:
            if self._waiting_count() > 0 or self._is_settling_due(now):
                self._mine(now)
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
            preexec_fn=_end_with_parent if _can_end_with_parent() else None,  # noqa: PLW1509 - one system call
        )  # fmt: skip
        try:
            (self._folder / "anvil.pid").write_text(f"{self._process.pid} {self.chain_id}\n")
            self._rpc = Rpc(self.rpc_url, timeout_s=CALL_S_MAX)
            self._await_answer()
            self._replay()
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
        for block in self._journal.blocks:
            if block.parent != self._head_hash:
                raise DevnetError(
                    f"block {block.number - 1} of the journal comes out otherwise than it was: "
                    "was it made by another version of Anvil?"
                )
            for raw in block.transactions:
                self._call("eth_sendRawTransaction", to_hex(raw))
            mined = self._call("evm_mine_detailed", {"timestamp": block.at})[0]
            self._head_hash = from_hex(mined["hash"], 32)

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


def sync_folder(folder: Path) -> None:
    """Makes a file's name in that folder as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    draft = path.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
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


def _end_with_parent() -> None:
    """Runs in the child: it is killed as soon as we are gone, even where we can't end it ourselves (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


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
