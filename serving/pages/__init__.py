"""The pages: try a report, and the review desk. Plain scripts, nothing from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader

from models.contract import KINDS, URGENCY_LABELS
from serving import intake
from serving.dependencies import Admission, IntakeOrReviewer, ServicesOf, body_schema, json_body
from serving.schemas import ReportIn
from serving.wording import CHANNELS, STRATEGIES, page_words

_HERE = Path(__file__).parent
router = APIRouter(include_in_schema=False)
_templates = Jinja2Templates(env=Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True))


def _page(request: Request, name: str) -> Response:
    return _templates.TemplateResponse(request, name, {
        "words": page_words(), "channels": dict(CHANNELS), "strategies": STRATEGIES, "kinds": KINDS,
        "urgencies": list(URGENCY_LABELS.items())})


@router.get("/")
async def get_try(request: Request) -> Response:
    """Show the form that tries a report."""
    return _page(request, "try.html")


@router.get("/review")
async def get_review(request: Request) -> Response:
    """Show the review desk."""
    return _page(request, "review.html")


@router.post("/pages/predict", openapi_extra=body_schema(ReportIn))
async def post_try(services: ServicesOf, _caller: IntakeOrReviewer, _admission: Admission,
                   sent: Annotated[ReportIn, Depends(json_body(ReportIn))]) -> Response:
    """Answer the form: as ``/v1/predict``, for reviewers too, since the page is theirs."""
    return Response((await intake.predict(services, sent.report())).encode(), media_type="application/json")


def mount_static(app: FastAPI) -> None:
    """Serve the scripts and the style sheet of the pages."""
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
