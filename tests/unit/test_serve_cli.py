"""The command line: keys, refusals, lazy commands."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from serving import cli


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.main, arguments, env=environment)
    return result.exit_code, result.stdout, result.stderr


def test_key_is_printed_once_listed_and_revoked(tmp_path: Path) -> None:
    code, key, note = run("key", "add", "--role", "reviewer", "--name", "desk", "--data-dir", str(tmp_path))
    assert code == 0
    assert key.startswith("fz_")
    assert "once" in note
    code, listed, _ = run("key", "list", FENZHUAN_DATA_DIR=str(tmp_path))
    assert listed.split("\t")[:3] == ["1", "reviewer", "desk"]
    assert key.strip() not in listed
    assert run("key", "revoke", "1", "--data-dir", str(tmp_path))[0] == 0
    code, _, error = run("key", "revoke", "1", "--data-dir", str(tmp_path))
    assert (code, "no key in force" in error) == (1, True)


@pytest.mark.parametrize("arguments", [("key", "add", "--role", "king"), ("key", "add"), ("serve", "--port", "x"),
                                       ("serve", "--port", "70000"), ("nonsense",)])
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2


def test_open_host_without_keys_is_refused(tmp_path: Path) -> None:
    code, _, error = run("serve", "--host", "0.0.0.0", "--data-dir", str(tmp_path))
    assert code == 1
    assert "no key is configured" in error


def test_missing_bundle_and_knowledge_base_are_named(tmp_path: Path) -> None:
    code, _, error = run("serve", "--data-dir", str(tmp_path), "--bundle", str(tmp_path / "none"))
    assert (code, "bundle.json" in error) == (1, True)
    code, _, error = run("serve", "--data-dir", str(tmp_path), "--knowledge-base", str(tmp_path / "none"))
    assert (code, "taxonomy.tsv" in error) == (1, True)


def test_data_dir_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, error = run("key", "list", "--data-dir", str(tmp_path / "file" / "var"))
    assert (code, "cannot open" in error) == (1, True)


def test_command_without_its_packages_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("train", "package_that_is_not_there:main", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda **_given: [point])
    code, _, error = run("train", "--epochs", "3")
    assert code == 1
    assert "package_that_is_not_there" in error
    assert "train" in run("--help")[1]


def test_help_loads_nothing_heavy() -> None:
    program = ("import sys; from serving.cli import main; main(['--help'], standalone_mode=False); "
               "print([name for name in ('faiss', 'numpy', 'fastapi', 'sqlalchemy', 'onnxruntime', 'torch')"
               " if name in sys.modules])")
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                           check=True)
    assert shown.stdout.splitlines()[-1] == "[]"
    assert "serve" in shown.stdout
