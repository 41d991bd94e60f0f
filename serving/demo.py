"""What ``make run`` starts: the service, with a handful of written reports sent through it."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import Any

import click

from serving.answer_text import category_text, decision_text, percent
from serving.child_service import ChildService, ServiceError, check_port_free, free_port
from serving.settings import DEFAULT_DATA_DIR
from serving.text_table import table_lines

SAMPLES = Path(__file__).parent / "samples" / "sample_reports.jsonl"
PATIENCE_S = 600.0
HEADER = ("编号", "性质", "类别", "紧急", "主办", "协办", "重复件", "决定")


@dataclass(frozen=True, slots=True)
class Demo:
    """How the demonstration runs; ``command`` starts the service, ``once`` ends after the table."""

    command: tuple[str, ...]
    host: str
    port: int
    log: Path
    samples: Path = SAMPLES
    key: str = ""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What the service said to one report, and how long that took."""

    status: int
    body: dict[str, Any]
    seconds: float


def read_samples(path: Path) -> list[bytes]:
    """Return the JSON of each sample.

    Raises:
        ServiceError: the file cannot be read.
    """
    try:
        return [line for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise ServiceError(f"无法读取样例 {path}（{error.strerror}）；请恢复该文件后再运行") from error


def run_demo(demo: Demo) -> int:
    """Run the demonstration; return the exit code."""
    try:
        samples = read_samples(demo.samples)
        check_port_free(demo.host, demo.port)
        click.echo(f"正在启动服务 {demo.host}:{demo.port} ……", err=True)
        with ChildService(demo.command, demo.host, demo.port, demo.log) as service:
            service.wait_until_ready(PATIENCE_S, lambda line: click.echo(line, err=True))
            answers = send_all(service, samples, demo.key)
            click.echo("\n".join([*shown(answers, _terminal_width()), "", *summary(answers), *pages(service)]))
            if demo.once:
                return 0 if all(answer.status == 200 for answer in answers) else 1
            click.echo("按 Ctrl-C 结束。", err=True)
            service.wait()
    except ServiceError as error:
        click.echo(f"错误：{error}", err=True)
        return 1
    except KeyboardInterrupt:
        click.echo("已结束。", err=True)
    return 0


def send_all(service: ChildService, samples: Sequence[bytes], key: str) -> list[Answered]:
    """Send the samples one after the other, and return the answers in order.

    Raises:
        ServiceError: the service does not answer.
    """
    answers = []
    for sample in samples:
        started = time.perf_counter()
        try:
            status, body = service.request("POST", "/v1/reports", sample, key)
        except (OSError, HTTPException, ValueError) as error:
            service.check_alive()
            raise ServiceError(f"服务没有回答（{type(error).__name__}），日志见 {service.log}") from error
        if status in (401, 403):
            raise ServiceError("该数据目录已设置密钥，请用有 intake 角色的密钥：FENZHUAN_KEY=… make run")
        answers.append(Answered(status, body, time.perf_counter() - started))
    return answers


def shown(answers: Sequence[Answered], width: int | None) -> list[str]:
    """Return the table of answers, a row a report."""
    return table_lines(HEADER, [_cells(answer) for answer in answers], width)


def _cells(answer: Answered) -> tuple[str, ...]:
    body = answer.body
    if answer.status != 200:
        code = str(body.get("code", answer.status))
        said = "编号已用于其他内容（换一个 FENZHUAN_DATA_DIR 即可）" if code == "id_conflict" else f"未能答复：{code}"
        return ("-", "-", "-", "-", "-", "-", "-", said)
    duplicate, lead = body["duplicate"], body["lead_department"]
    return (body["id"], body["kind"]["label"], category_text(body["category"]), body["urgency"]["label"], lead["name"],
            "、".join(one["name"] for one in body["co_departments"]) or "-",
            f"{duplicate['of']}（{percent(duplicate['score'])}）" if duplicate["of"] else "-", decision_text(body))


def summary(answers: Sequence[Answered]) -> list[str]:
    """Return the line with the share decided alone and the median time."""
    good = [answer for answer in answers if answer.status == 200]
    bad = [f"{len(answers) - len(good)} 件未能答复。"] if len(good) < len(answers) else []
    if not good:
        return bad
    alone = sum(answer.body["decision"]["route"] == "auto" for answer in good)
    scored = statistics.median(answer.body["elapsed_ms"] for answer in good)
    sent = statistics.median(answer.seconds for answer in good) * 1000
    versions = good[0].body["versions"]
    return [f"共 {len(good)} 件，可自动派单 {alone} 件（{alone / len(good):.1%}），其余交人工复核；"
            f"研判用时中位数 {scored:.1f} 毫秒，往返 {sent:.1f} 毫秒（先前收过的编号照原答复返回）。",
            f"模型 {versions['bundle']}，知识库 {versions['knowledge_base'][:19]}。", *bad]


def pages(service: ChildService) -> list[str]:
    """Return the lines that name the pages."""
    return [f"试一件诉求：{service.address}/", f"复核台：　　{service.address}/review", f"服务日志：　{service.log}"]


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def heed_signals() -> None:
    """End gently on Ctrl-C and SIGTERM, also where a shell started this with Ctrl-C ignored (a background job)."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _stop)


def _port(host: str) -> int:
    given = os.environ.get("FENZHUAN_PORT", "8000")
    if not given.isdecimal() or int(given) > 65_535:
        raise click.UsageError(f"FENZHUAN_PORT is {given!r}, expected 0 to 65535")
    try:
        return int(given) or free_port(host)
    except OSError as error:
        raise click.UsageError(f"FENZHUAN_HOST is {host!r}, expected an address of this machine "
                               f"({error.strerror})") from error


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Start the service, send the sample reports through it, and stay until Ctrl-C.

    FENZHUAN_HOST, FENZHUAN_PORT (0: any free one) and the other variables of `fenzhuan serve` are heeded; FENZHUAN_KEY
    is the key to send with; with FENZHUAN_DEMO_ONCE=1 it ends after the table.
    """
    host = os.environ.get("FENZHUAN_HOST", "127.0.0.1")
    port = _port(host)
    heed_signals()
    command = (sys.executable, "-m", "serving.cli", "serve", "--host", host, "--port", str(port))
    log = Path(os.environ.get("FENZHUAN_DATA_DIR", DEFAULT_DATA_DIR)) / "serve.log"
    sys.exit(run_demo(Demo(command, host, port, log, key=os.environ.get("FENZHUAN_KEY", ""),
                           once=os.environ.get("FENZHUAN_DEMO_ONCE", "") == "1")))


if __name__ == "__main__":
    main()
