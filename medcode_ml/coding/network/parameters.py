"""Every choice of the network in one place: sizes, regularisation, training. The defaults suit some hundred notes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """Choices of one network; `medcode train --tune` moves the ones that matter.

    Attributes:
        word_size, size, hidden: sizes of word vectors, of states and labels, and of the feature layers.
        width, dilations: the convolutions of the encoder.
        bins: bins a feature column is cut into.
        members: how many slightly different readings of the features are averaged.
        least_word, least_node: notes a word, right answers a node must have to get a vector of its own.
        node_prior: right answers at which a node's own vector weighs one half.
        dropout, text_dropout: of the features' layers and of what comes from text.
        use_text, use_attention, use_peers: parts of the score that can be left out, to measure what each is worth.
        label_alone: whether a label's vector enters without being compared to anything in the note.
        alone_weight: weight of the loss of the features' own score beside that of the whole.
        text_trust: weight with which a score takes what was read in the text. Training takes it whole; on notes not
            trained on it is worth less: one half on some hundred notes, towards 1 on many thousands.
        ranking_weight: weight of the listwise loss beside the binary one.
        focus: exponent of the focal loss; 0 is plain cross-entropy.
        feature_epochs, epochs: passes in which the features' own score is trained alone, then passes of the whole. The
            text is learned by heart long before the features are read well; their passes cost next to nothing.
        learning_rate, weight_decay, warm_up: the one-cycle schedule of AdamW.
        feature_rate: learning rate of the features' layers in the passes of the whole, as a part of the whole's.
        word_rate, encoder_rate: learning rates of word vectors and of the encoder as parts of the whole's; a
            transformer that was trained before wants about 0.02.
        tokens_a_batch, notes_a_batch: limits of a batch.
    """

    word_size: int = 96
    size: int = 64
    hidden: int = 96
    width: int = 5
    dilations: tuple[int, ...] = (1, 2, 4)
    bins: int = 16
    members: int = 2
    least_word: int = 2
    least_node: int = 3
    node_prior: float = 10.0
    dropout: float = 0.2
    text_dropout: float = 0.3
    use_text: bool = True
    use_attention: bool = True
    use_peers: bool = True
    label_alone: bool = False
    alone_weight: float = 0.5
    text_trust: float = 0.5
    ranking_weight: float = 0.0
    focus: float = 0.0
    feature_epochs: int = 10
    epochs: int = 5
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.15
    feature_rate: float = 0.2
    word_rate: float = 0.0
    encoder_rate: float = 1.0
    tokens_a_batch: int = 8192
    notes_a_batch: int = 8

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self) | {"dilations": list(self.dilations)}

    @staticmethod
    def of(facts: dict[str, Any]) -> NetworkParameters:
        """The choices of `facts`. Raises ValueError where a name is not one of ours."""
        known = {f.name for f in fields(NetworkParameters)}
        if strange := sorted(set(facts) - known):
            raise ValueError(f"unknown network parameters {', '.join(strange)}; known are {', '.join(sorted(known))}")
        return NetworkParameters(**(facts | {"dilations": tuple(facts.get("dilations", (1, 2, 4)))}))
