"""What surrounds the pages: the front door, the stylesheet, the interface in words, and what each problem means."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.pages.rendering import page, stylesheet
from api.problems import codes
from api.requests import PathText
from traceability.errors import InvalidIdentifier
from traceability.identifiers import parse

router = APIRouter(include_in_schema=False)

ROOT = "https://id.gs1.org"
_SHOWN = re.compile(r"/(?:01/[^/]+/(?:21|10)/[^/]+|00/[^/]+)")


@router.get("/")
def show_home(product: Annotated[str | None, Query(max_length=1024)] = None) -> Response:
    """The front door. With a product it leads to the product's page."""
    if product is None:
        return page("home.html", wrong=None)
    text = product.strip()
    try:
        path = parse(text).digital_link.removeprefix(ROOT)
    except InvalidIdentifier as error:
        return page("home.html", 400, wrong=str(error))
    return RedirectResponse(path if _SHOWN.fullmatch(path) else f"/products/{quote(text, safe='')}/history", 303)


@router.get("/pages/style.css")
def show_stylesheet() -> Response:
    """The one stylesheet."""
    return Response(stylesheet(), media_type="text/css", headers={"Cache-Control": "max-age=300"})


@router.get("/docs")
def show_interface(request: Request) -> Response:
    """The interface in words, made from the OpenAPI document."""
    document = request.app.openapi()
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "options")
    ]
    return page("interface.html", operations=operations, description=document["info"]["description"])


@router.get("/problems/{code}")
def show_problem(code: PathText) -> Response:
    """What a problem's type means: the address that its `type` member gives."""
    kind = codes().get(code)
    if kind is None:
        return page(
            "problem.html", 404, title="No such problem", detail="No problem has this code.", code=code, next=None
        )
    detail = (
        f"Answered with HTTP status {kind.status}. The `detail` of the answer says what it is about and what to do."
    )
    return page("problem.html", title=kind.title, detail=detail, code=code, next=None)
