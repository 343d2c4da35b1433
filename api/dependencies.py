"""What routes ask for: the node, and the party whose API key the request brings."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import MissingApiKey
from api.idempotency import HEADER, Once, fingerprint_of, key_of
from api.keys import party_of_api_key
from api.logs import note
from api.node import Node
from api.recording import now_us

_bearer = HTTPBearer(auto_error=False, bearerFormat="tally_…", description="An API key of a party: `tally party key`.")


async def _node(request: Request) -> Node:
    node: Node = request.app.state.node
    return node


TheNode = Annotated[Node, Depends(_node)]
"""The node that the app serves."""


async def _party(node: TheNode, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> bytes:
    if credentials is None:
        raise MissingApiKey
    party = await run_in_threadpool(party_of_api_key, node.engine, credentials.credentials)
    note(party=party)
    return party


TheParty = Annotated[bytes, Depends(_party)]
"""The party (20 bytes) that the request's API key belongs to. Raises MissingApiKey, UnknownApiKey, RevokedApiKey."""


async def _once(
    request: Request,
    node: TheNode,
    party: TheParty,
    key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            description="any text of up to 255 characters, best a UUID. The same request with the same key is done "
            "once, and answered the same again, with `Idempotent-Replayed: true`",
        ),
    ] = None,
) -> Once:
    # The framework shows one of several headers only, and the key would depend on which.
    given = None if key is None else key_of(request.headers.getlist(HEADER))
    return Once(node.engine, party, given, partial(fingerprint_of, request.scope), now_us)


TheOnce = Annotated[Once, Depends(_once)]
"""Does what the request asks for, once for each Idempotency-Key of the party: every route that changes something."""
