"""The long step of training runs where only torch, transformers, NumPy, SciPy, scikit-learn and PyYAML are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORT_CORE = """
import sys
for name in ("pydantic", "mlflow", "datasets", "pandas", "pyarrow", "matplotlib", "click", "onnx", "onnxruntime",
             "faiss", "fastapi", "sqlalchemy"):
    sys.modules[name] = None
import training.encoder_stage, training.validation, training.sources
print("imported", training.encoder_stage.main.__name__)
"""


def test_the_core_needs_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_CORE], cwd=ROOT, capture_output=True, text=True, check=False,
                          timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "imported main\n"
