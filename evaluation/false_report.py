"""The false-report score: rumour wording in the order of time, simulated attacks, and what must not move it.

Run: ``python -m evaluation.false_report --data ../shared/data``. No text is printed. Real messages are the background
of the attacks; they carry no reporter, so reporters are drawn: one in five messages is from somebody who wrote before.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from evaluation.attacks import Attack, Random, Sent, all_attacks
from evaluation.chronology import Post, read_posts, split_by_time
from evaluation.hotspots import DISTRICT
from evaluation.message_times import parse_moment
from evaluation.metrics import Measured, area_under_roc, bootstrap
from evaluation.variants import VARIANTS, Moved, moved_by
from knowledge_base.behaviour import RecentReports, trace_of
from knowledge_base.elements import extract_elements
from knowledge_base.false_report_weights import Weights, read_weights
from knowledge_base.rumour import read_rumour_wording
from models.bundle import DEFAULT_BUNDLE, load_bundle
from models.contract import Report
from models.predictor import OnnxPredictor

FALSE_ALARMS = 0.01
RETURNING = 0.2
UNFOUNDED, CLOSED = 1 / 7, 0.5
SAMPLE_SEED = 0


def rumour_areas(posts: list[Post]) -> dict[str, Measured]:
    """Return the areas under ROC on the later 30 %: the shipped wording, and TF-IDF with logistic regression."""
    earlier, later = split_by_time(posts)
    truth = np.array([post.rumour for post in later])
    wording = read_rumour_wording()
    own = np.array([wording.logit(post.text) for post in later])
    vectoriser = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    baseline = LogisticRegression(C=10, max_iter=1000).fit(
        vectoriser.fit_transform([post.text for post in earlier]), [post.rumour for post in earlier])
    other = baseline.decision_function(vectoriser.transform([post.text for post in later]))
    groups = [str(row) for row in range(len(later))]
    return {"shipped wording": bootstrap(lambda rows: area_under_roc(own[rows], truth[rows]), groups),
            "TF-IDF and logistic regression": bootstrap(lambda rows: area_under_roc(other[rows], truth[rows]), groups)}


def background(data: Path, random: Random) -> list[Sent]:
    """Return the messages of 2019 in order of time, with drawn reporters and outcomes and their districts."""
    rows = []
    for name in ("annotated", "unlabelled"):
        with (data / f"{name}.jsonl").open(encoding="utf-8") as lines:
            rows += [(at, row) for row in map(json.loads, lines) if (at := parse_moment(row["time"])) is not None
                     and at.year == 2019]
    sent: list[Sent] = []
    districts: dict[str, int] = {}
    for place, (at, row) in enumerate(sorted(rows, key=lambda pair: pair[0])):
        found = DISTRICT.search(row["title"] + row["text"])
        region = districts.setdefault(found.group() if found else "", 430101 + len(districts))
        again = place > 0 and random.random() < RETURNING
        reporter = sent[int(random.integers(place))].report.reporter_ref if again else f"citizen-{place}"
        outcome = None
        if random.random() < CLOSED:
            outcome = "unfounded" if random.random() < UNFOUNDED else "verified"
        report = Report(text=row["text"], title=row["title"], id=row["id"], received_at=at, region=str(region),
                        reporter_ref=reporter)
        subjects = tuple(span.text for span in extract_elements(report.text[:600]).subjects)
        sent.append(Sent(report, subjects, outcome))
    return sent


def behaviour_scores(stream: list[Sent], weights: Weights) -> list[float]:
    """Return the score by behaviour alone of each report when it comes, in order of time."""
    recent, scores = RecentReports(), []
    for sequence, one in enumerate(stream, 1):
        at = one.report.received_at
        if at is None:
            raise ValueError("a report of the stream has no time")
        trace = trace_of(one.report, one.subjects, at, sequence)
        scores.append(weights.score(recent.signals(trace)))
        recent.add(trace)
        if one.outcome:
            recent.judge(sequence, one.report.reporter_ref, unfounded=one.outcome == "unfounded")
    return scores


def detected(quiet: list[Sent], attacks: list[Attack]) -> tuple[float, float, dict[str, tuple[float, float]]]:
    """Return the threshold, the false alarms there, and by kind the share of attacks and of their reports found.

    The threshold is the lowest that at most one in a hundred reports of the background passes, without attacks; an
    attack is found where at least half of its measured reports pass.
    """
    weights = read_weights()
    usual = np.array(behaviour_scores(quiet, weights))
    threshold = float(np.quantile(usual, 1 - FALSE_ALARMS, method="higher"))
    by_kind: dict[str, list[float]] = defaultdict(list)
    for attack in attacks:
        first, last = attack.sent[0].report.received_at, attack.sent[-1].report.received_at
        near = [one for one in quiet if first is not None and last is not None and one.report.received_at is not None
                and -30 <= (one.report.received_at - first).days and one.report.received_at <= last]
        stream = sorted([*near, *attack.sent], key=lambda one: one.report.received_at or first or 0)
        scores = dict(zip((one.report.id for one in stream), behaviour_scores(stream, weights), strict=True))
        measured = [scores[one.report.id] > threshold for one in attack.sent[attack.unjudged:]]
        by_kind[attack.kind].append(float(np.mean(measured)))
    return threshold, float((usual > threshold).mean()), {
        kind: (float(np.mean([share >= 0.5 for share in shares])), float(np.mean(shares)))
        for kind, shares in by_kind.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--attacks", type=int, default=20, help="attacks of each kind")
    parser.add_argument("--messages", type=int, default=100, help="messages for the invariance rates; 0 leaves it out")
    arguments = parser.parse_args()
    say = sys.stdout.write
    for name, area in rumour_areas(read_posts(arguments.data / "ced.jsonl")).items():
        say(f"rumour wording, later 30 % of CED, {name}: AUC {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]\n")
    random = np.random.default_rng(SAMPLE_SEED)
    quiet = background(arguments.data, random)
    starts = [one.report.received_at for one in quiet[len(quiet) // 3:-len(quiet) // 6] if one.report.received_at]
    threshold, alarms, found = detected(quiet, all_attacks(random, starts, arguments.attacks))
    say(f"behaviour, {len(quiet)} messages of 2019: threshold {threshold:.3f}, false alarms {alarms:.4f}\n")
    say("| attack | attacks found | their reports found |\n|---|---|---|\n")
    for kind, (whole, share) in found.items():
        say(f"| {kind} | {whole:.2f} | {share:.2f} |\n")
    if arguments.messages:
        predictor = OnnxPredictor(load_bundle(arguments.bundle), threads=1)
        reports = doubtful(arguments.data, random, arguments.messages)
        say("| change | messages | with a reason | score moves over 0.02 | over 0.05 | band changes | largest |\n"
            "|---|---|---|---|---|---|---|\n")
        for name in VARIANTS:
            say(_line(name, moved_by(name, reports, predictor)))


def doubtful(data: Path, random: Random, count: int) -> list[Report]:
    """Return messages that a reader found hard to verify, at most 600 characters: their scores have room to move."""
    with (data / "annotated.jsonl").open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["verifiability"] > 1]
    return [Report(text=rows[int(place)]["text"][:600], title=rows[int(place)]["title"], id=rows[int(place)]["id"])
            for place in random.choice(len(rows), min(count, len(rows)), replace=False)]


def _line(name: str, moved: list[Moved]) -> str:
    sizes = np.array([one.by for one in moved])
    shares = f"{(sizes > 0.02).mean():.3f} | {(sizes > 0.05).mean():.3f}"
    return (f"| {name} | {len(moved)} | {sum(one.suspected for one in moved)} | {shares} | "
            f"{np.mean([one.band_changed for one in moved]):.3f} | {sizes.max(initial=0.0):.3f} |\n")


if __name__ == "__main__":
    main()
