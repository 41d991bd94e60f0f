"""Settings named on the command line reach the training with their types, and wrong ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.encoder_stage import EncoderSettings
from training.settings_from import SettingError, parse_grid, parse_words, with_settings
from training.sweep import trial_name


def test_words_change_settings_of_both_kinds() -> None:
    found = with_settings(EncoderSettings(), parse_words([
        "learning_rate=2e-4", "layers=6", "batch=8", "start_from=runs/main", "most_rows=4e2", "encoder=some/model",
        "train_word_embeddings=true"]))
    assert (found.loop.learning_rate, found.loop.batch, found.layers) == (2e-4, 8, tuple(range(6)))
    assert (found.start_from, found.most_rows, found.encoder) == (Path("runs/main"), 400, "some/model")
    assert found.train_word_embeddings is True
    assert with_settings(EncoderSettings(), {}) == EncoderSettings()


@pytest.mark.parametrize(("words", "message"), [
    (["speed=3"], "no setting is called 'speed'; there are average_decay"),
    (["batch=8.5"], "batch=8.5: expected a value of the type int"), (["batch=x"], "expected a value of the type int"),
    (["learning_rate=fast"], "type float"), (["train_word_embeddings=perhaps"], "type bool"),
    (["batch"], "'batch' is no setting; expected name=value"), (["batch="], "expected name=value"),
    (["batch=inf"], "type int")])
def test_wrong_words_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        with_settings(EncoderSettings(), parse_words(words))


def test_a_grid_is_every_combination() -> None:
    assert parse_grid("learning_rate=1e-4, 2e-4; layers=6,8") == [
        {"learning_rate": "1e-4", "layers": "6"}, {"learning_rate": "1e-4", "layers": "8"},
        {"learning_rate": "2e-4", "layers": "6"}, {"learning_rate": "2e-4", "layers": "8"}]
    names = {trial_name(words) for words in parse_grid("start_from=runs/a,runs/b;layers=6,8")}
    assert names == {"layers-6_start_from-runs-a", "layers-8_start_from-runs-a", "layers-6_start_from-runs-b",
                     "layers-8_start_from-runs-b"}


@pytest.mark.parametrize("grid", ["", " ; ", "layers", "=3"])
def test_a_grid_of_nothing_is_refused(grid: str) -> None:
    with pytest.raises(SettingError):
        parse_grid(grid)
