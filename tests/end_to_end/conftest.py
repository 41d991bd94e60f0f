"""What the browser tests share: Debian's Chromium driven by Playwright, and a service with the sample reports."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from serving.child_service import ChildService, free_port
from serving.demo import SAMPLES, read_samples

ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("FENZHUAN_AXE", ROOT / ".venv/axe/node_modules/axe-core/axe.min.js"))
FLAGS = ("--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync").split()
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PATIENCE_S = 120.0
PROGRAM = """
import sys
from pathlib import Path
from serving.cli import run_server
from serving.core import CoreBuilder
from serving.settings import Settings
from tests.conftest import dummy_network
run_server(Settings(port=int(sys.argv[1]), data_dir=Path(sys.argv[2])), CoreBuilder(network=dummy_network))
"""


@dataclass
class Desk:
    """A page of the service in a browser, with what its console said."""

    page: Any
    service: ChildService
    said: list[str] = field(default_factory=list)

    def open_review(self, strategy: str | None = None) -> None:
        """Open the review desk and wait for a report, under a strategy where one is given."""
        self.page.goto(f"{self.service.address}/review")
        self.shown()
        if strategy is not None:
            self.page.focus("#strategy")
            self.page.select_option("#strategy", strategy)
            self.page.wait_for_function("() => document.activeElement.id === 'report-title'")

    def shown(self) -> str:
        """Return the id of the report that is shown."""
        self.page.wait_for_selector("#case:not([hidden]) #report-title", timeout=20_000)
        return self.now()

    def now(self) -> str:
        """Return the id of the report that is shown, without waiting."""
        return str(self.page.get_attribute("#report", "data-id"))

    def moved_from(self, report_id: str) -> str:
        """Wait until another report is shown, and return its id."""
        self.page.wait_for_function("id => document.getElementById('report').dataset.id !== id", arg=report_id)
        return self.now()

    def go_to(self, report_id: str) -> None:
        """Step on by keyboard until a report is shown."""
        while (before := self.now()) != report_id:
            self.press("j")
            self.moved_from(before)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, key: str, words: str) -> None:
        """Open a picker with a key, search, and take the first found."""
        self.press(key)
        self.page.wait_for_selector("#picker[open]")
        self.page.keyboard.type(words)
        self.press("Enter")

    def status(self, text: str) -> None:
        """Wait until the status line says so."""
        self.page.wait_for_function("text => document.getElementById('status').textContent.includes(text)", arg=text)

    def accept(self) -> str:
        """Store the reading, wait for the next report, and return its id."""
        before = self.now()
        self.press("a")
        return self.moved_from(before)

    def stored(self, report_id: str) -> dict[str, Any]:
        """Return what the service holds of a report."""
        status, found = self.service.request("GET", f"/v1/reports/{report_id}")
        assert status == 200
        return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, headless; tests skip where it or Playwright is absent.

    It is closed with this package: Playwright's event loop would disturb the tests of others.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("the browser tests need Debian's package chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reviewed_service(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildService]:
    """The service over the dummy network, with the sample reports; a module's tests share it."""
    folder = tmp_path_factory.mktemp("desk")
    port = free_port("127.0.0.1")
    command = (sys.executable, "-c", PROGRAM, str(port), str(folder / "var"))
    with ChildService(command, "127.0.0.1", port, folder / "serve.log") as service:
        service.wait_until_ready(PATIENCE_S, lambda _line: None)
        for sample in read_samples(SAMPLES):
            status, _ = service.request("POST", "/v1/reports", sample)
            assert status == 200
        yield service


@pytest.fixture
def desk_of(chromium: Any, reviewed_service: ChildService) -> Iterator[Callable[..., Desk]]:
    """Opens pages; whatever their consoles say fails the test in the end, unless the test takes it away."""
    opened: list[Desk] = []
    contexts = []

    def make(size: dict[str, int] = WIDE, **options: Any) -> Desk:
        context = chromium.new_context(viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai", **options)
        contexts.append(context)
        desk = Desk(context.new_page(), reviewed_service)
        desk.page.on("console", lambda message: desk.said.append(f"{message.type}: {message.text}"))
        desk.page.on("pageerror", lambda error: desk.said.append(f"error: {error}"))
        desk.page.on("dialog", lambda dialog: dialog.accept())
        opened.append(desk)
        return desk

    yield make
    for context in contexts:
        context.close()
    for desk in opened:
        assert desk.said == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core; tests skip where it is absent."""
    if not AXE.exists():
        pytest.skip("the accessibility tests need axe-core: npm install --prefix .venv/axe axe-core")
    return AXE.read_text(encoding="utf-8")


def sent(service: ChildService, report: dict[str, Any]) -> dict[str, Any]:
    """Send a report to the service and return its answer."""
    status, answer = service.request("POST", "/v1/reports", json.dumps(report, ensure_ascii=False).encode())
    assert status == 200
    return answer
