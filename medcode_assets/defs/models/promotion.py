"""The assets that move a kind's versions on: candidate, shadow, champion, or back to the champion before."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from medcode_assets.defs.models.specs import promotion_answers, promotion_gate, promotion_spec
from medcode_assets.resources import Database
from medcode_assets.stage_assets import Answer
from medcode_ml.contracts import ml
from medcode_ml.settings import settings


class PromotionConfig(dg.Config):
    """Which version moves, and why."""

    version: str = Field(default="", description="a version that was trained; empty for the newest")
    roll_back: bool = Field(default=False, description="retire the champion and take the one before it again")
    note: str = Field(default="", description="why, for the record")


def _promotion(of: ml.ModelTables) -> dg.AssetsDefinition:
    name = of.promotion.partition(".")[2]

    @dg.multi_asset(name=name, specs=[promotion_spec(of)], check_specs=[promotion_gate(of)], pool="postgres")
    def promotion(context: dg.AssetExecutionContext, config: PromotionConfig, database: Database) -> Iterator[Answer]:
        """Take the evaluated model into shadow, or into use; one that fails a gate is refused, however it is asked."""
        from medcode_ml.lifecycle import advance, roll_back

        engine, by = database.engine(), f"asset ml/{name}"
        if config.roll_back:
            done = roll_back(engine, of.kind, settings().home, by=by, note=config.note)
        else:
            done = advance(of.kind, engine, settings().home, version=config.version or None, by=by, note=config.note)
        context.log.info(f"{done.version} is {done.stage}: {done.said}")
        yield from promotion_answers(engine, of, done)

    return promotion


coding_promotion = _promotion(ml.CODING)
ranking_promotion = _promotion(ml.RANKING)
amount_promotion = _promotion(ml.AMOUNT)
