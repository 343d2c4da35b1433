"""Commands on the consortium: who takes part, and what its members decide. Changes are final when a command returns."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from api.cli.checks import read_file
from api.cli.console import DATA_DEFAULT, DataFolder, Json, emit, mention, say, table
from api.consortium import (
    current_registry,
    legal_name,
    open_proposals,
    party_json,
    party_named,
    proposal_json,
    registry_at_final_block,
)
from api.errors import BadArgument, NoSigningKey
from api.node import Node, opened_node
from api.outbox import send
from api.proposals import Application, Kind, application_of, proposal_of, roles_of
from ledger.consortium import Registry, Role, call
from ledger.errors import InvalidHex
from ledger.hexadecimal import from_hex, to_address, to_hex
from ledger.keystore import Signer, create_key

Name = Annotated[str, typer.Argument(metavar="PARTY", help="Key file, legal name, GLN or account of a party.")]
Member = Annotated[str, typer.Option("--as", metavar="NAME", help="The member that acts; its key is on this node.")]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help=f"Any of: {', '.join(r.name.lower() for r in Role if r.name)}.")
]


def list_parties(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the parties: all that are or were members, in the order in which they came."""
    with opened_node(data) as node:
        registry, now_at = current_registry(node)
        parties = [party_json(registry, party, now_at) for party in registry.parties.values()]
        proposals = open_proposals(registry, now_at)
    if as_json:
        emit(parties)
        return
    rows = [(each["name"], each["gln"], ", ".join(each["roles"]), each["status"], each["account"]) for each in parties]
    say(table(("name", "GLN", "roles", "status", "account"), rows))
    if proposals:
        mention(f"{len(proposals)} proposals can be voted for: tally party proposals")


def list_proposals(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the proposals that can be voted for."""
    with opened_node(data) as node:
        registry, now_at = current_registry(node)
        proposals = [proposal_json(registry, each) for each in open_proposals(registry, now_at)]
        names = {to_address(party): legal_name(registry, party) for party in registry.parties}
    if as_json:
        emit(proposals)
        return
    rows = [
        (each["id"], each["kind"], names.get(each["party"]) or each["party"], each["content"] or "",
         f"{each['votes']} of {each['needed']}", each["expiresAt"])
        for each in proposals
    ]  # fmt: skip
    say(table(("proposal", "kind", "party", "content", "votes", "until"), rows))


def show_party(party: Name, data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Show a party: what the registry has of it, and which keys act for it."""
    with opened_node(data) as node:
        registry, now_at = current_registry(node)
        shown = party_json(registry, registry.parties[party_named(node, registry, party)], now_at)
    if as_json:
        emit(shown)
        return
    plain = {name: value for name, value in shown.items() if name != "signers"}
    say(
        table(
            ("", ""),
            [(name, ", ".join(value) if isinstance(value, list) else value or "") for name, value in plain.items()],
        )
    )
    say()
    rows = [(each["address"], ", ".join(each["uses"]), each["from"], each["until"] or "") for each in shown["signers"]]
    say(table(("key", "stands for", "from", "until"), rows))


def apply(
    name: Annotated[
        str, typer.Argument(metavar="KEY", help="The candidate's key file: its account is its name for ever.")
    ],
    legal: Annotated[str, typer.Option("--name", help="The legal name.")],
    gln: Annotated[str, typer.Option(help="The Global Location Number, 13 digits.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the application.")],
    role: Roles = None,
    endpoint: Annotated[str, typer.Option(help="Address of the candidate's node.")] = "",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Write an application to be admitted, signed by the candidate. A member hands it in: party propose admit FILE."""
    with opened_node(data) as node:
        application = application_of(
            node.deployment, own_signer(node, name), legal, gln, roles_of(",".join(role or [])), endpoint
        )
    output.write_bytes(orjson.dumps(application.to_json(), option=orjson.OPT_INDENT_2) + b"\n")
    if as_json:
        emit(application.to_json())
        return
    say(f"{output}: {legal} asks to be admitted as {to_address(application.account)}")


def propose(
    kind: Annotated[Kind, typer.Argument(help="What to decide.")],
    subject: Annotated[str, typer.Argument(help="The party; for admit the file of its application.")],
    value: Annotated[
        str | None, typer.Argument(help="The new GLN, name, roles (a,b) or controller's key file.")
    ] = None,
    member: Member = "",
    first_disowned: Annotated[
        int | None, typer.Option(min=0, help="For controller: its first number that is not the party's own.")
    ] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose a decision to the members, and vote for it. It passes with more than half of the active ones."""
    with opened_node(data) as node:
        registry = current_registry(node)[0]
        signer = controller(node, registry, member)
        if kind is Kind.ADMIT:
            target: bytes | Application = Application.from_json(read_file(Path(subject)))
        else:
            target = party_named(node, registry, subject)
        proposal = proposal_of(
            node, registry, kind, target, value, first_disowned, int.from_bytes(secrets.token_bytes(8))
        )
        send(node, signer, node.deployment.party_registry, proposal.calldata, f"propose {kind.value}")
        registry = registry_at_final_block(node)[0]
        shown = proposal_json(registry, registry.proposals[proposal.id])
    _say_proposal(shown, as_json=as_json)


def vote(
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="Its id, as `tally party proposals` shows it.")],
    member: Member = "",
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Vote for a proposal."""
    with opened_node(data) as node:
        registry = current_registry(node)[0]
        wanted = _proposal_id(registry, proposal)
        signer = controller(node, registry, member)
        send(node, signer, node.deployment.party_registry, call("vote", wanted), f"vote for {to_hex(wanted)}")
        registry = registry_at_final_block(node)[0]
        shown = proposal_json(registry, registry.proposals[wanted])
    _say_proposal(shown, as_json=as_json)


def leave(
    party: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Take a party out of the consortium, for ever. What it has recorded stays."""
    with opened_node(data) as node:
        registry = current_registry(node)[0]
        account = party_named(node, registry, party)
        if not yes:
            typer.confirm(f"{legal_name(registry, account)} leaves for ever. Go on?", abort=True)
        signer = controller(node, registry, party)
        send(node, signer, node.deployment.party_registry, call("leave"), f"{to_address(account)} leaves")
    if as_json:
        emit({"account": to_address(account), "status": "left"})
        return
    say(f"{to_address(account)} has left")


def own_signer(node: Node, name: str) -> Signer:
    """The signer in a key file of this node, which is made where it is not there yet."""
    if all(file.name != name for file in node.keyring.files()):
        create_key(node.settings.keys_folder, name, node.keyring.password())
    return node.keyring.signer(name)


def controller(node: Node, registry: Registry, member: str) -> Signer:
    """The key that acts for the party everywhere. Raises NoSigningKey where it is not on this node."""
    if not member:
        raise BadArgument("say which member acts: --as NAME")
    party = party_named(node, registry, member)
    signer = node.keyring.signer_of(registry.parties[party].controller)
    if signer is None:
        raise NoSigningKey(to_address(party))
    return signer


def _proposal_id(registry: Registry, text: str) -> bytes:
    try:
        wanted = from_hex(text, 32)
    except InvalidHex as error:
        raise BadArgument(f"{text[:80]!r} is no proposal: see `tally party proposals`") from error
    if wanted not in registry.proposals:
        raise BadArgument(f"there is no proposal {text}: see `tally party proposals`")
    return wanted


def _say_proposal(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(shown)
        return
    say(shown["id"])
    if shown["passed"]:
        mention("passed, and carried out")
    else:
        mention(
            f"{shown['votes']} of {shown['needed']} votes: others vote with `tally party vote {shown['id']} --as NAME`"
        )
