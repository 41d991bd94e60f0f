"""Out-of-fold scores come from models that never saw the row's group, and stand beside the encoder's."""

import json
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.loading import DEFAULT_FOLDER
from training.encoder_stage import LEAST_SCORE, log_scores
from training.errors import TrainingError
from training.label_errors import doubted_labels
from training.out_of_fold import HEADS, OutOfFold, read_out_of_fold, score_out_of_fold
from training.schema import TrainingRow
from training.sources import read_written

ROWS = 240


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written reports served as a data folder of their own, with out-of-fold scores of few n-grams in ``run``."""
    data = tmp_path_factory.mktemp("data")
    for name in ("unlabelled", "xinfang7"):
        (data / f"{name}.jsonl").touch()
    with (data / "annotated.jsonl").open("w", encoding="utf-8") as stream:
        for row in read_written()[:ROWS]:
            stream.write(json.dumps({"id": f"m-{row.id}", "title": row.title, "text": row.text, "group": row.group,
                                     "kind": row.kind, "category": row.category, "urgency": row.urgency,
                                     "lead": row.lead, "co": [], "verifiability": 2, "missing": []},
                                    ensure_ascii=False) + "\n")
    score_out_of_fold(data, DEFAULT_FOLDER, data / "run", ngrams=800, folds=2)
    return data


@pytest.fixture(scope="module")
def scored(folder: Path) -> OutOfFold:
    """Return the scores of that folder's rows."""
    return read_out_of_fold(folder / "run")


def test_doubted_labels_are_those_of_real_messages_most_doubtful_first(folder: Path) -> None:
    found = doubted_labels(folder, DEFAULT_FOLDER, folder / "run")
    assert {one.field for one in found} <= set(HEADS)
    assert [one.doubt for one in found] == sorted((one.doubt for one in found), reverse=True)
    labels = {f"m-{row.id}": row for row in read_written()[:ROWS]}
    for one in found:
        assert one.given == str(getattr(labels[one.id], one.field)) != one.suggested


def test_without_scores_there_is_a_clear_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"out_of_fold\.npz"):
        doubted_labels(folder, DEFAULT_FOLDER, tmp_path)


def test_scores_are_probabilities_that_beat_the_most_frequent_class(scored: OutOfFold) -> None:
    labels = {row.id: row for row in read_written()}
    truth = [labels[message.removeprefix("m-")].lead for message in scored.ids]
    codes = (DEFAULT_FOLDER / "departments.tsv").read_text(encoding="utf-8").split("\n")[1:]
    position = {line.split("\t")[0]: n for n, line in enumerate(codes)}
    for head in HEADS:
        np.testing.assert_allclose(scored.probabilities[head].sum(axis=1), 1, rtol=1e-4)
    right = np.mean([position[lead or ""] == best
                     for lead, best in zip(truth, scored.probabilities["lead"].argmax(1), strict=True)])
    assert right > 1.3 * max(truth.count(lead) for lead in truth) / len(truth)


def test_log_scores_stand_by_the_rows_they_belong_to() -> None:
    rows = [TrainingRow(id=name, title="", text="x", group=name, source="annotated") for name in ("a", "b", "c")]
    scores = OutOfFold(("c", "b"), {"kind": np.array([[0.5, 0.5], [0.8, 0.0]], dtype=np.float32)})
    found = log_scores(rows, scores)["kind"]
    assert found[0].tolist() == [0.0, 0.0]
    assert found[1].tolist() == pytest.approx([np.log(0.8), np.log(LEAST_SCORE)])
    assert found[2].tolist() == pytest.approx([np.log(0.5)] * 2)
