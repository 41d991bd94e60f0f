"""Logging a bundle to MLflow: as ONNX, and as a model that answers rows of title and text, in the registry."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from knowledge_base.index import VECTORS_FILE
from training.served_model import BUNDLE_FOLDER, KNOWLEDGE_BASE_FOLDER

MODEL_NAME = "fenzhuan"
CHALLENGER = "challenger"
PACKAGE_ROOT = Path(__file__).parents[1]
LOADER = "training.served_model"
CODE = ("models", "knowledge_base")
LOADED_FROM_TRAINING = ("__init__.py", "served_model.py")
REQUIREMENTS = ("mlflow", "chinesecalendar", "faiss-cpu", "numpy", "onnxruntime", "pandas", "pyyaml", "tokenizers")
_OUTPUTS = {"kind": "string", "kind_probability": "double", "category": "string", "category_probability": "double",
            "urgency": "long", "urgency_probability": "double", "lead": "string", "lead_probability": "double"}
_CODE_FILES = re.compile(r".*\.(py|tsv)$")


def log_models(mlflow: Any, bundle: Path, knowledge_base: Path, vectors: Path) -> str:  # noqa: ANN401
    """Log a bundle to the active run in both forms; return its version in the registry, the new ``challenger``."""
    import onnx

    mlflow.onnx.log_model(onnx.load(str(bundle / "model.onnx")), name="onnx", save_as_external_data=False,
                          pip_requirements=[f"onnxruntime=={version('onnxruntime')}"])
    with _staged(bundle, knowledge_base, vectors) as (files, code):
        logged = mlflow.pyfunc.log_model(
            name="model", loader_module=LOADER, data_path=str(files), code_paths=[str(path) for path in code],
            signature=_signature(mlflow), input_example=_example(), registered_model_name=MODEL_NAME,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS])
    number = str(logged.registered_model_version)
    mlflow.MlflowClient().set_registered_model_alias(MODEL_NAME, CHALLENGER, number)
    return number


def _signature(mlflow: Any) -> Any:  # noqa: ANN401
    from mlflow.types.schema import ColSpec, Schema

    inputs = Schema([ColSpec("string", "title", required=False), ColSpec("string", "text")])
    return mlflow.models.ModelSignature(inputs, Schema([ColSpec(kind, name) for name, kind in _OUTPUTS.items()]))


def _example() -> Any:  # noqa: ANN401
    """Return a row to try the model with, written by the project."""
    import pandas as pd

    return pd.DataFrame([{"title": "路灯不亮", "text": "小区门口的路灯坏了三天，晚上很黑，请派人来修。"}])


@contextmanager
def _staged(bundle: Path, knowledge_base: Path, vectors: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Yield a folder with bundle and knowledge base, and folders of the code that serves them."""
    with tempfile.TemporaryDirectory() as folder:
        files, code = Path(folder) / "served", Path(folder) / "code"
        shutil.copytree(bundle, files / BUNDLE_FOLDER)
        shutil.copytree(knowledge_base, files / KNOWLEDGE_BASE_FOLDER, ignore=shutil.ignore_patterns("*.npz"))
        if vectors.is_file():
            shutil.copyfile(vectors, files / KNOWLEDGE_BASE_FOLDER / VECTORS_FILE)
        for package in CODE:
            for path in (PACKAGE_ROOT / package).rglob("*"):
                inside = path.relative_to(PACKAGE_ROOT / package)
                if _CODE_FILES.match(path.name) and inside.parts[0] not in ("data", "artifacts"):
                    _copy(path, code / package / inside)
        for name in LOADED_FROM_TRAINING:
            _copy(Path(__file__).with_name(name), code / "training" / name)
        yield files, sorted(code.iterdir())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
