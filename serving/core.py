"""What answers are made from: network, knowledge base, router and pair scorer, built together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, load_knowledge_base
from models.bundle import Bundle, BundleError, load_bundle
from models.contract import Predictor
from serving.duplicate_stage import PairScorer
from serving.engine import Routes
from serving.settings import Settings

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Core:
    """One consistent set of parts; replaced whole, never changed."""

    bundle: Bundle
    predictor: Predictor
    knowledge_base: KnowledgeBase
    router: Routes
    pair_scorer: PairScorer


def load_network(folder: Path, _knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
    """Load the bundle in a folder and its ONNX network.

    Raises:
        BundleError: the bundle must not be served.
    """
    from models.predictor import OnnxPredictor

    bundle = load_bundle(folder)
    return bundle, OnnxPredictor(bundle)


def make_router(knowledge_base: KnowledgeBase, predictor: Predictor, bundle: Bundle, cache: Path | None) -> Routes:
    """Return the router with the constants fitted for the bundle; ``cache`` keeps embeddings of duties."""
    from knowledge_base.index import VECTORS_FILE, open_duty_index
    from knowledge_base.router import Router

    kept = cache / VECTORS_FILE if cache is not None else None
    stored_in = [path for path in (DEFAULT_FOLDER / VECTORS_FILE, knowledge_base.folder / VECTORS_FILE, kept) if path]
    index = open_duty_index(knowledge_base, predictor, bundle.model_sha256, stored_in, kept)
    return Router(knowledge_base, predictor.category_labels, predictor.department_labels, index,
                  bundle.fitted.get("router", {}))


def make_pair_scorer(bundle: Bundle) -> PairScorer:
    """Return the duplicate scorer with the constants fitted for the bundle."""
    from knowledge_base.duplicates import DuplicateScorer

    return DuplicateScorer(bundle.fitted.get("duplicates", {}))


@dataclass(frozen=True, slots=True)
class CoreBuilder:
    """How the parts are made; tests put a dummy in the place of the network."""

    network: Callable[[Path, KnowledgeBase], tuple[Bundle, Predictor]] = load_network
    router: Callable[[KnowledgeBase, Predictor, Bundle, Path | None], Routes] = make_router
    pair_scorer: Callable[[Bundle], PairScorer] = make_pair_scorer

    def build(self, settings: Settings, previous: Core | None = None, part: str = "all") -> Core:
        """Load everything, or one ``part`` (bundle, knowledge_base) anew beside the rest of ``previous``.

        Raises:
            BundleError: the bundle must not be served, or lacks constants that a stage needs.
            KnowledgeBaseError: the knowledge base must not be served.
        """
        if previous is None or part in ("all", "knowledge_base"):
            knowledge_base = load_knowledge_base(settings.knowledge_base)
        else:
            knowledge_base = previous.knowledge_base
        if previous is None or part in ("all", "bundle"):
            bundle, predictor = _fitted(lambda: self.network(settings.bundle, knowledge_base))
        else:
            bundle, predictor = previous.bundle, previous.predictor
        return Core(bundle, predictor, knowledge_base,
                    _fitted(lambda: self.router(knowledge_base, predictor, bundle, settings.data_dir)),
                    _fitted(lambda: self.pair_scorer(bundle)))


def _fitted(make: Callable[[], Made]) -> Made:
    """Make a part; where the bundle's constants or files do not fit it, say so as a bundle error."""
    try:
        return make()
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise BundleError(f"the bundle does not fit this version ({type(error).__name__}: {error}); "
                          "export it again") from error
