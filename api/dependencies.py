"""What routes ask for: the node, and the party whose API key the request brings."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import MissingApiKey
from api.keys import party_of_api_key
from api.node import Node

_bearer = HTTPBearer(auto_error=False, bearerFormat="tally_…", description="An API key of a party: `tally party key`.")


async def _node(request: Request) -> Node:
    node: Node = request.app.state.node
    return node


TheNode = Annotated[Node, Depends(_node)]
"""The node that the app serves."""


async def _party(node: TheNode, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> bytes:
    if credentials is None:
        raise MissingApiKey
    return await run_in_threadpool(party_of_api_key, node.engine, credentials.credentials)


TheParty = Annotated[bytes, Depends(_party)]
"""The party (20 bytes) that the request's API key belongs to. Raises MissingApiKey, UnknownApiKey, RevokedApiKey."""
