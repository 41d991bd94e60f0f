"""The application: routes over services that its lifespan builds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from serving import pages
from serving.core import Core, CoreBuilder
from serving.errors import install_handlers
from serving.middleware import Observation
from serving.pages import hotspots_page
from serving.routes import admin, feedback, health, hotspots, knowledge, reports, review
from serving.services import Services
from serving.settings import Settings

ROUTERS = (reports.router, feedback.router, review.router, hotspots.router, knowledge.router, admin.router,
           health.router, pages.router, hotspots_page.router)


def create_app(settings: Settings, builder: CoreBuilder | None = None, *, first: Core | None = None,
               clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    """Return the application; it loads and opens everything when its lifespan begins.

    ``builder`` makes network, knowledge base and router (tests put dummies there); ``first`` is a core that is
    built already; ``clock`` is what hotspots take for now.
    """
    services = Services(settings, builder or CoreBuilder(), clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await services.start(first)
        try:
            yield
        finally:
            await services.stop()

    app = FastAPI(title="Fenzhuan", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False,
                  description="Routes citizens' reports: category, urgency, department, duplicates.")
    app.state.services = services
    install_handlers(app)
    app.add_middleware(Observation, telemetry=services.telemetry)
    for router in ROUTERS:
        app.include_router(router)
    pages.mount_static(app)
    return app
