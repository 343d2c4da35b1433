"""The code on the product: GS1 Digital Link paths, answered with a page for a browser, with JSON for a program.

GS1 Digital Link: URI Syntax 1.2, section 4; the form is chosen by the Accept header (RFC 9110, 12.5.1).
"""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response

from api.dependencies import TheNode
from api.journeys import journey_of
from api.node import Node
from api.pages.rendering import page
from api.problems import problem_of
from api.requests import negotiate
from api.routes.examples import HISTORY
from api.routes.responses import json_answer, problems
from traceability.errors import InvalidIdentifier, UnknownProduct
from traceability.identifiers import parse

router = APIRouter(tags=["products"])

ROOT = "https://id.gs1.org"
JSON, HTML = "application/json", "text/html"
_ANSWERS = json_answer(HISTORY) | problems(400, 404, 406)
_ANSWERS[200]["content"][HTML] = {"schema": {"type": "string"}}


@router.get("/01/{gtin}/21/{serial}", response_class=Response, responses=_ANSWERS, summary="A serialised product")
@router.get("/01/{gtin}/21/{serial}/", include_in_schema=False)
def show_item(gtin: str, serial: str, request: Request, node: TheNode) -> Response:
    """The history of one item, by its GTIN and serial number."""
    return _answer(request, node)


@router.get("/01/{gtin}/10/{lot}", response_class=Response, responses=_ANSWERS, summary="A lot")
@router.get("/01/{gtin}/10/{lot}/", include_in_schema=False)
def show_lot(gtin: str, lot: str, request: Request, node: TheNode) -> Response:
    """The history of a lot, by its GTIN and lot number."""
    return _answer(request, node)


@router.get("/00/{sscc}", response_class=Response, responses=_ANSWERS, summary="A logistic unit")
@router.get("/00/{sscc}/", include_in_schema=False)
def show_logistic_unit(sscc: str, request: Request, node: TheNode) -> Response:
    """The history of a pallet or parcel, by its SSCC."""
    return _answer(request, node)


def _answer(request: Request, node: Node) -> Response:
    # The raw path as it is: parsing it decodes each segment once, as the standard says.
    path: str = request.scope["path"]
    kind = negotiate(request.headers.get("accept"), (JSON, HTML))
    try:
        identifier = parse(ROOT + path.rstrip("/")).digital_link
        journey = journey_of(node, identifier)
    except (InvalidIdentifier, UnknownProduct) as error:
        if kind == JSON:
            raise
        return _sorry(error)
    if kind == JSON:
        return Response(orjson.dumps(journey.history.to_json()), media_type=JSON, headers={"Vary": "Accept"})
    answer = page("product.html", passport=journey.passport())
    answer.headers["Vary"] = "Accept"
    return answer


def _sorry(error: InvalidIdentifier | UnknownProduct) -> Response:
    """A page that says which of the two it is: no such code can exist, or nothing is recorded here."""
    problem = problem_of(error)
    if isinstance(error, InvalidIdentifier):
        what_next = "Compare the code with what is printed on the product: one digit may have been misread."
    else:
        what_next = "Another company's node may know it. A code that no seller can explain is a reason to be careful."
    return page(
        "problem.html", problem.status, title=problem.title, detail=problem.detail, code=problem.code, next=what_next
    )
