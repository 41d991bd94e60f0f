"""Fitting the wording of rumours on the earlier 70 % of the CED posts, beside citizens' messages that can be checked.

Run: ``python -m training.fit_rumour --data ../shared/data``. It writes ``knowledge_base/data/rumour.json``: weights of
characters and pairs that at least three texts share, no text.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from evaluation.chronology import Post, read_posts, split_by_time
from knowledge_base.rumour import RUMOUR_FILE, RumourWording, runs_of

CITIZENS = 1500
MOST_RUNS = 10_000
FEWEST_TEXTS = 3
INVERSE_PENALTY = 10.0
BEGINS_AT, FULL_AT = 0.99, 0.999
CHECKABLE = 1
_PERSON = re.compile(r"[女男妇她他妻夫爷奶婆姐妹哥弟嫂妈爸娘]|先生|小姐|太太|老公|同性|少数|农民|民工"
                     "|乡下|城里|外地|本地")
_ANGER = re.compile("怒|气死|混蛋|黑心|无耻|可耻|耻|缺德|王八|他妈|垃圾|骂|操|滚|恶心|可恶|该死|畜|禽兽|狗|丧尽"
                    "|天良|天理|良心|惨|悲|哭|恨|愤|痛|泪|可怜|求求|跪|去死|傻|脑残|卑鄙")
_SUFFIX = re.compile("(?:特别行政区|自治[区州县旗]|地区|[省市区县盟旗州])$")
_COUNTRIES = ("中国", "美国", "日本", "韩国", "国人", "朝鲜", "台湾", "香港", "澳门", "英国", "法国", "德国", "俄罗斯",
              "印度", "越南", "菲律宾", "东莞", "温州", "浦东")


def region_runs(data: Path) -> frozenset[str]:
    """Return the pairs in names of provinces, cities and counties, and the characters of the former two's names."""
    names, large = set(_COUNTRIES), set(_COUNTRIES)
    for line in (data / "admin_divisions.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
        row = json.loads(line)
        if str(row.get("level", "")) != "street" and len(str(row["code"])) <= len("430102"):
            names.add(_SUFFIX.sub("", row["name"]))
            large |= {_SUFFIX.sub("", row["name"])} if len(str(row["code"])) <= len("4301") else set()
    pairs = {pair for name in names for pair in runs_of(name) if len(pair) > 1}
    return frozenset(pairs | {character for name in large for character in name} | set("省市区县州镇乡村"))


def is_allowed(run: str, regions: frozenset[str]) -> bool:
    """Tell whether a run says nothing of a person's sex or origin, of a region or of anger."""
    return not (run in regions or _PERSON.search(run) or _ANGER.search(run))


def citizens_texts(data: Path) -> tuple[list[str], list[str]]:
    """Return checkable messages of citizens: some to learn from, others to set the marks by."""
    rows = (json.loads(line) for line in (data / "annotated.jsonl").open(encoding="utf-8"))
    texts = [f"{row['title']}。{row['text']}" for row in rows
             if row["split"] == "train" and row["verifiability"] == CHECKABLE]
    random.Random(0).shuffle(texts)  # noqa: S311
    return texts[:CITIZENS], texts[CITIZENS:]


def fit(posts: Sequence[Post], citizens: Sequence[str], regions: frozenset[str]) -> dict[str, Any]:
    """Return the runs with weights and idf, and the bias, of a logistic regression."""
    texts = [post.text for post in posts] + list(citizens)
    rumour = np.array([post.rumour for post in posts] + [False] * len(citizens))
    vectoriser = TfidfVectorizer(analyzer=lambda text: [run for run in runs_of(text) if is_allowed(run, regions)],
                                 min_df=FEWEST_TEXTS, binary=True, max_features=MOST_RUNS)
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(vectoriser.fit_transform(texts), rumour)
    runs = {run: [round(float(weight), 2), round(float(idf), 2)] for run, weight, idf in
            zip(vectoriser.get_feature_names_out(), model.coef_[0], vectoriser.idf_, strict=True)}
    return {"bias": round(float(model.intercept_[0]), 4), "runs": runs}


def with_marks(fitted: dict[str, Any], citizens: Sequence[str]) -> dict[str, Any]:
    """Add the logits that one in a hundred and one in a thousand citizens' messages pass."""
    runs = {run: (weight * idf, idf ** 2) for run, (weight, idf) in fitted["runs"].items()}
    wording = RumourWording(runs, fitted["bias"], 0.0, 1.0)
    begins, full = np.quantile([wording.logit(text) for text in citizens], (BEGINS_AT, FULL_AT))
    return {"begins": round(float(begins), 4), "full": round(float(full), 4), **fitted}


def main() -> None:
    """Fit and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--to", type=Path, default=RUMOUR_FILE)
    arguments = parser.parse_args()
    earlier, _ = split_by_time(read_posts(arguments.data / "ced.jsonl"))
    learned, marked = citizens_texts(arguments.data)
    fitted = with_marks(fit(earlier, learned, region_runs(arguments.data)), marked)
    about = {"trained_on": f"the {len(earlier)} earliest posts of CED (THUNLP Chinese_Rumor_Dataset), up to "
                           f"{earlier[-1].at:%Y-%m-%d}, and {len(learned)} citizens' messages"}
    arguments.to.write_text(json.dumps(about | fitted, ensure_ascii=False, separators=(",", ":")) + "\n",
                            encoding="utf-8")
    sys.stdout.write(f"{len(fitted['runs'])} runs, begins {fitted['begins']}, full {fitted['full']}\n")


if __name__ == "__main__":
    main()
