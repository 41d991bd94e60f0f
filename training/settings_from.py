"""Settings of a training from words on the command line: ``name=value``, and grids of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from training.encoder_stage import EncoderSettings
from training.errors import TrainingError
from training.loop import LoopSettings

LAYERS = "layers"
_TRUTH = {"true": True, "false": False}


class SettingError(TrainingError):
    """A setting that does not exist or has a value of the wrong kind."""


def _parsed(name: str, word: str, kind: str) -> Any:  # noqa: ANN401
    """Return a word as the type that the setting is declared with."""
    try:
        if kind == "bool":
            return _TRUTH[word.lower()]
        if kind == "int":
            if not float(word).is_integer():
                raise ValueError(word)
            return int(float(word))
        return float(word) if kind == "float" else Path(word) if kind == "Path" else word
    except (ValueError, KeyError, OverflowError) as error:
        raise SettingError(f"{name}={word}: expected a value of the type {kind}") from error


def _kinds() -> dict[str, str]:
    """Return every setting that a word may name, with its declared type."""
    named = {LAYERS: "int"}
    for owner in (LoopSettings, EncoderSettings):
        named |= {one.name: kind for one in fields(owner)
                  if (kind := str(one.type).removesuffix(" | None")) in ("bool", "int", "float", "str", "Path")}
    return named


def with_settings(settings: EncoderSettings, words: Mapping[str, str]) -> EncoderSettings:
    """Return the settings with these changed; names are those of ``EncoderSettings`` and ``LoopSettings``.

    Raises:
        SettingError: no setting has that name, or the value is of another kind.
    """
    kinds = _kinds()
    unknown = sorted(words.keys() - kinds.keys())
    if unknown:
        raise SettingError(f"no setting is called {unknown[0]!r}; there are {', '.join(sorted(kinds))}")
    values = {name: _parsed(name, word, kinds[name]) for name, word in words.items()}
    if LAYERS in values:
        values[LAYERS] = tuple(range(values[LAYERS]))
    in_loop = {one.name for one in fields(LoopSettings)}
    loop = replace(settings.loop, **{name: value for name, value in values.items() if name in in_loop})
    return replace(settings, **{name: value for name, value in values.items() if name not in in_loop}, loop=loop)


def parse_words(words: Sequence[str]) -> dict[str, str]:
    """Return ``name=value`` words by name.

    Raises:
        SettingError: a word has no ``=``.
    """
    pairs = [word.partition("=") for word in words]
    wrong = [name for name, equals, value in pairs if not (name and equals and value)]
    if wrong:
        raise SettingError(f"{wrong[0]!r} is no setting; expected name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


def parse_grid(grid: str) -> list[dict[str, str]]:
    """Return every combination of a grid such as ``learning_rate=1e-4,2e-4;layers=6,8``, in order.

    Raises:
        SettingError: the grid is empty or a part of it is no list of values.
    """
    parts = parse_words([part for part in grid.split(";") if part.strip()])
    if not parts:
        raise SettingError("the grid is empty; expected such as learning_rate=1e-4,2e-4;layers=6,8")
    return list(_combinations({name: [one.strip() for one in values.split(",") if one.strip()]
                               for name, values in parts.items()}))


def _combinations(values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    for chosen in itertools.product(*values.values()):
        yield dict(zip(values, chosen, strict=True))
