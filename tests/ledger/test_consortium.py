"""consortium: replayed logs answer as the contract does, over whatever its members do."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from ledger.abi import ARTIFACTS, interface
from ledger.answers import Standing, StandingQuestion
from ledger.consortium import (
    APPLY,
    FOREVER,
    USES_ALL,
    PartyStatus,
    Profile,
    ProposalKind,
    Registry,
    RegistryDomain,
    Role,
    admission_digest,
    call,
    consent_digest,
    proposal_id,
    replay,
)
from ledger.keystore import LocalSigner
from ledger.transaction import created_address

FACE = interface("PartyRegistry")
START = 1_800_000_000
DAY = 86_400
CHAIN_ID = 9_520_017
NOBODY = bytes(20)
GREATEST_GAP = 3


def gln(number: int) -> str:
    digits = f"952{number:09}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def profile(number: int) -> Profile:
    return Profile(gln(number), f"Member {number}", Role.SUPPLIER | Role.OPERATOR, "https://node.example", b"\1" * 32)


@dataclass(frozen=True)
class Log:
    name: str
    arguments: dict[str, Any]


class Consortium:
    """A registry on a real Anvil. What is sent goes into the next block; what the contract refuses changes nothing."""

    def __init__(self, anvil: Any, cast: Sequence[LocalSigner], founders: int) -> None:
        self.anvil, self.now_at = anvil, START
        for person in cast:
            anvil.rpc("anvil_setBalance", "0x" + person.address.hex(), hex(10**24))
        members = [(person.address, profile(number).members) for number, person in enumerate(cast[:founders])]
        self._send(cast[0].address, None, FACE.creation(members))
        self.address = created_address(cast[0].address, 0)
        self.domain = RegistryDomain(CHAIN_ID, self.address)
        self.mine(0)

    def act(self, account: bytes, function: str, *arguments: object) -> None:
        self._send(account, self.address, call(function, *arguments))

    def mine(self, seconds_later: int) -> None:
        self.now_at += seconds_later
        self.anvil.rpc("evm_setNextBlockTimestamp", self.now_at)
        self.anvil.rpc("evm_mine")

    def replayed(self) -> Registry:
        """What the logs up to now say, taken through the text in which the follower keeps them."""
        everything = {"address": "0x" + self.address.hex(), "fromBlock": "0x0"}
        found = [
            FACE.log([bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:]))
            for log in self.anvil.rpc("eth_getLogs", everything)
        ]
        return replay(
            Log(name, FACE.arguments_from_json(name, FACE.arguments_to_json(values))) for name, values in found
        )

    def ask(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The contract's answers at the newest block: one JSON-RPC batch."""
        calls = [{"to": "0x" + self.address.hex(), "input": "0x" + call(*question).hex()} for question in questions]
        bodies = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": [each, "latest"]}
            for number, each in enumerate(calls)
        ]
        request = urllib.request.Request(
            self.anvil.url, json.dumps(bodies).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            replies = sorted(json.load(answer), key=lambda reply: int(reply["id"]))
        return [
            FACE.answer(question[0], bytes.fromhex(reply["result"][2:]))
            for question, reply in zip(questions, replies, strict=True)
        ]

    def _send(self, account: bytes, to: bytes | None, data: bytes) -> None:
        transaction = {"from": "0x" + account.hex(), "gas": hex(8_000_000), "input": "0x" + data.hex()}
        if to is not None:
            transaction["to"] = "0x" + to.hex()
        self.anvil.rpc("eth_sendTransaction", transaction)


@pytest.fixture
def found(start_anvil: Callable[..., Any]) -> Callable[[Sequence[LocalSigner], int], Consortium]:
    def founding(cast: Sequence[LocalSigner], founders: int) -> Consortium:
        options = ("--no-mining", "--auto-impersonate", "--base-fee", "0", "--gas-price", "0")
        anvil = start_anvil(*options, "--timestamp", str(START - 1), chain_id=CHAIN_ID)
        return Consortium(anvil, cast, founders)

    return founding


def people(count: int) -> list[LocalSigner]:
    return [LocalSigner(bytes([number + 1]) * 32) for number in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_over_any_history_the_replay_answers_as_the_contract_does(
    found: Callable[[Sequence[LocalSigner], int], Consortium], seed: int
) -> None:
    chance = random.Random(seed)
    cast = people(24)
    consortium = found(cast, 2 + seed % 3)
    consortium.mine(1)
    for _ in range(45):
        registry = consortium.replayed()
        for _ in range(chance.randrange(1, 4)):
            move(consortium, registry, cast, chance)
        consortium.mine(chance.choice([0, 1, 1, 2, 60, DAY, 8 * DAY if chance.random() < 0.2 else 3]))
        assert_same_standing(consortium, cast, chance, count=40)
    assert_same_standing(consortium, cast, chance, count=600)
    assert_same_state(consortium, cast)


def move(consortium: Consortium, registry: Registry, cast: Sequence[LocalSigner], chance: random.Random) -> None:
    """One thing that somebody tries. Most of it is allowed."""
    member = chance.choice(registry.members() or list(registry.parties.values()))
    subject = chance.choice(list(registry.parties.values()))
    signer, nonce, number = chance.choice(cast), chance.randrange(2**256), chance.randrange(GREATEST_GAP)
    actor = registry.controller_of(member.account, consortium.now_at) or signer.address
    if chance.random() < 0.05:
        actor = chance.choice(cast).address
    fresh = [person for person in cast if person.address not in registry.signers] or [signer]
    newcomer = chance.choice(fresh)

    def consent(party: bytes, uses: int = USES_ALL, from_at: int = 0, until_at: int = FOREVER) -> bytes:
        terms = (party, newcomer.address, uses, from_at, until_at)
        return newcomer.sign(consent_digest(consortium.domain, *terms))

    kind = chance.randrange(16)
    if kind <= 2:
        uses = chance.randrange(1, 16)
        from_at = chance.choice([0, consortium.now_at + 5, consortium.now_at + DAY])
        until_at = chance.choice([FOREVER, consortium.now_at + 2 * DAY, consortium.now_at + 30])
        terms = (uses, from_at, until_at)
        consortium.act(actor, "authorise", newcomer.address, *terms, consent(member.account, *terms))
    elif kind <= 4:
        keys = [key for key, entry in registry.signers.items() if entry.party == member.account != key]
        consortium.act(actor, "revoke", chance.choice([*keys, member.account]), number)
    elif kind == 5:
        consortium.act(actor, "replaceController", newcomer.address, number, consent(member.account))
    elif kind == 6:
        wanted = profile(chance.randrange(30))
        admission = newcomer.sign(admission_digest(consortium.domain, newcomer.address, wanted))
        consortium.act(actor, "proposeAdmission", newcomer.address, wanted.members, admission, nonce)
    elif kind == 7:
        consortium.act(actor, "proposeSuspension", subject.account, nonce)
    elif kind == 8:
        suspended = [each for each in registry.parties.values() if each.status is PartyStatus.SUSPENDED] or [subject]
        consortium.act(actor, "proposeReinstatement", chance.choice(suspended).account, nonce)
    elif kind == 9:
        change = (subject.controller, newcomer.address, number)
        consortium.act(actor, "proposeReplacement", subject.account, change, consent(subject.account), nonce)
    elif kind == 10:
        propose_small_change(consortium, actor, subject.account, chance)
    elif kind == 11:
        pending = [party for party in registry.parties.values() if party.notice]
        consortium.act(pending[0].controller if pending else actor, chance.choice(["leave", "object", "object"]))
    elif kind == 12:
        consortium.act(actor, "executeReplacement", subject.account)
    elif registry.proposals:
        vote_on_the_newest(consortium, registry, chance)


def propose_small_change(consortium: Consortium, actor: bytes, subject: bytes, chance: random.Random) -> None:
    function, value = chance.choice(
        [("proposeGln", gln(chance.randrange(30))), ("proposeName", "Finca Ñandú 茶"), ("proposeRoles", 255)]
    )
    consortium.act(actor, function, subject, value, chance.randrange(2**256))
    consortium.act(actor, "setEndpoint", f"https://{chance.randrange(99)}.example")
    consortium.act(actor, "setEncryptionKey", chance.randbytes(32))
    consortium.act(actor, "approve", chance.randbytes(32))
    if chance.random() < 0.2:
        consortium.act(actor, "proposeRemoval", subject, chance.randrange(2**256))


def vote_on_the_newest(consortium: Consortium, registry: Registry, chance: random.Random) -> None:
    """Half of the members vote for what was proposed last, or just before."""
    proposal = chance.choice(list(registry.proposals)[-3:])
    for party in registry.members():
        controller = registry.controller_of(party.account, consortium.now_at)
        if controller is not None and chance.random() < 0.7:
            consortium.act(controller, "vote", proposal)


def assert_same_standing(
    consortium: Consortium, cast: Sequence[LocalSigner], chance: random.Random, *, count: int
) -> None:
    registry = consortium.replayed()
    turns = {START, consortium.now_at}
    for entry in registry.signers.values():
        turns |= {entry.from_at, entry.until_at}
    for party in registry.parties.values():
        turns |= {at for at, _ in party.statuses}
    times = sorted({at for turn in turns for at in (turn - 1, turn, turn + 1) if at <= consortium.now_at})
    questions = [
        StandingQuestion(
            chance.choice(cast).address, chance.choice([1, 2, 4, 8, 5, 15, 0, 16]), chance.choice(times),
            chance.randrange(GREATEST_GAP + 1),
        )
        for _ in range(count)
    ]  # fmt: skip
    answers = consortium.ask([("standingOf", q.signer, q.use, q.at, q.sequence) for q in questions])
    for question, (party, disowned) in zip(questions, answers, strict=True):
        ours = registry.standing_of(question.signer, question.use, question.at, question.sequence)
        assert ours == Standing(None if party == NOBODY else party, disowned), question


def assert_same_state(consortium: Consortium, cast: Sequence[LocalSigner]) -> None:
    registry, now_at = consortium.replayed(), consortium.now_at
    statuses = list(PartyStatus)
    assert registry.parties, "the history has parties"
    for account, party in registry.parties.items():
        told, controller, status, notice = consortium.ask(
            [(view, account) for view in ("profileOf", "controllerOf", "statusOf", "noticeOf")]
        )
        assert party.profile.members == tuple(told[0].values())
        assert (registry.controller_of(account, now_at) or NOBODY) == controller[0]
        assert party.status_at(now_at) is statuses[status[0]]
        ours = party.notice_at(now_at)
        assert (ours.next if ours else NOBODY) == notice[0]["next"]
    for person in cast:
        ((party,), (entry,)) = consortium.ask([("partyOfController", person.address), ("signerOf", person.address)])
        assert (registry.party_of_controller(person.address, now_at) or NOBODY) == party
        known = registry.signers.get(person.address)
        ours = (known.party, known.uses, known.from_at, known.until_at) if known else (NOBODY, 0, 0, 0)
        assert ours == (entry["party"], entry["uses"], entry["from"], entry["until"])
    ((members,), (active,)) = consortium.ask([("members",), ("activeCount",)])
    assert {party.account for party in registry.members()} == set(members)
    assert registry.active_count() == active
    for proposal in registry.proposals.values():
        ((told,),) = consortium.ask([("proposalOf", proposal.id)])
        assert proposal.id == proposal_id(proposal.kind, proposal.party, proposal.content, proposal.nonce)
        assert (len(proposal.voters), proposal.is_passed) == (told["votes"], told["isPassed"])
        assert proposal.expires_at == told["expiresAt"]
    for account, digest in registry.approved:
        assert consortium.ask([("hasApproved", account, digest)]) == [(True,)]


def test_what_is_signed_is_what_the_contract_asks_for(
    found: Callable[[Sequence[LocalSigner], int], Consortium],
) -> None:
    grower, scanner = people(2)
    consortium = found([grower, scanner], 1)
    terms = (grower.address, scanner.address, 5, 0, FOREVER)
    wanted = profile(7)
    ((consent,), (admission,)) = consortium.ask(
        [("consentDigest", *terms), ("admissionDigest", scanner.address, wanted.members)]
    )
    assert consent_digest(consortium.domain, *terms) == consent
    assert admission_digest(consortium.domain, scanner.address, wanted) == admission


def test_a_proposal_tells_what_it_wants(found: Callable[[Sequence[LocalSigner], int], Consortium]) -> None:
    grower, roaster, retailer = people(3)
    consortium = found([grower, roaster], 2)
    consortium.mine(1)
    admission = retailer.sign(admission_digest(consortium.domain, retailer.address, profile(9)))
    consent = retailer.sign(consent_digest(consortium.domain, roaster.address, retailer.address, USES_ALL, 0, FOREVER))
    change = (roaster.address, retailer.address, 7)
    consortium.act(grower.address, "proposeAdmission", retailer.address, profile(9).members, admission, 0)
    consortium.act(grower.address, "proposeReplacement", roaster.address, change, consent, 0)
    consortium.act(grower.address, "proposeName", roaster.address, "Night Owl", 0)
    consortium.act(grower.address, "proposeRoles", roaster.address, 6, 0)
    consortium.act(grower.address, "proposeSuspension", roaster.address, 0)
    consortium.mine(0)

    registry = consortium.replayed()
    wanted = {proposal.kind: proposal.decoded() for proposal in registry.proposals.values()}
    assert wanted == {
        ProposalKind.ADMIT: profile(9),
        ProposalKind.REPLACE_CONTROLLER: change,
        ProposalKind.CHANGE_NAME: "Night Owl",
        ProposalKind.CHANGE_ROLES: 6,
        ProposalKind.SUSPEND: None,
    }
    assert {registry.votes_of(proposal) for proposal in registry.proposals.values()} == {(1, 2)}


def test_a_party_whose_name_is_no_text_stands_all_the_same() -> None:
    """Its admission can't be read as a log (ledger.abi sets it aside), but its signer's and its status's can."""
    odd = b"\xaa" * 20
    authorised = {"party": odd, "signer": odd, "uses": 15, "from": START, "until": FOREVER}
    registry = replay(
        [
            Log("SignerAuthorised", authorised),
            Log("StatusChanged", {"party": odd, "status": 1, "from": START}),
        ]
    )
    assert registry.standing_of(odd, 1, START, 0) == Standing(odd, disowned=False)
    assert registry.parties[odd].profile.name == ""


def test_every_event_of_the_contract_is_replayed() -> None:
    artifact = json.loads((ARTIFACTS / "PartyRegistry.json").read_text())
    events = {entry["name"] for entry in artifact["abi"] if entry["type"] == "event"}
    assert events == set(APPLY)
