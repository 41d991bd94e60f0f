"""The page that shows what grows: surges with their days, early warnings, events."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader

from models.contract import KINDS, URGENCY_LABELS
from serving.wording import CHANNELS, page_words

router = APIRouter(include_in_schema=False)
_templates = Jinja2Templates(env=Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"),
                                             autoescape=True))


@router.get("/hotspots")
async def get_hotspots_page(request: Request) -> Response:
    """Show the hotspots; the page asks ``/v1/hotspots`` itself, with the reviewer's key."""
    return _templates.TemplateResponse(request, "hotspots.html", {
        "words": page_words(), "channels": dict(CHANNELS), "kinds": KINDS, "urgencies": list(URGENCY_LABELS.items())})
