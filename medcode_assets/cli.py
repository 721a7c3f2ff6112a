"""The command line `medcode`: one command a verb, each with --help and examples."""

from __future__ import annotations

import sys

import typer

from medcode_assets.commands import answers, deidentify, dictionary, export, lineage, linking, prices, records, registry
from medcode_assets.commands.code_location import code_location
from medcode_assets.commands.drift import drift_app
from medcode_assets.commands.evaluation import evaluate_app
from medcode_assets.commands.held import held_app
from medcode_assets.commands.models import model_app
from medcode_assets.commands.rehearse import rehearse
from medcode_assets.commands.review import review_app
from medcode_assets.commands.rules import rules_app
from medcode_assets.commands.serve import key_app, serve
from medcode_assets.commands.stream import stream_app
from medcode_assets.commands.timeline import timeline
from medcode_assets.commands.training import train_app
from medcode_assets.commands.worklist import quarantine_app

app = typer.Typer(
    name="medcode",
    help="Scanned health records in, coded and priced insurer claims out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    lineage.run, lineage.migrate, lineage.status, lineage.ui, lineage.stop, lineage.clean, export.export,
    lineage.simulate, dictionary.dictionary, records.code, records.rank, records.bill,
    deidentify.deidentify, prices.price, answers.acknowledge, answers.remit,
):  # fmt: skip
    app.command()(command)
app.command("read-page")(records.read_page)
app.command()(serve)
app.command()(code_location)
app.command()(rehearse)
app.add_typer(registry.app, name="registry")
app.add_typer(key_app, name="api-key")
app.add_typer(linking.link_app)
app.add_typer(rules_app)
app.add_typer(quarantine_app)
app.add_typer(review_app)
app.add_typer(stream_app)
app.add_typer(held_app)
app.add_typer(train_app)
app.add_typer(evaluate_app)
app.add_typer(drift_app)
model_app.command()(timeline)
app.add_typer(model_app)


def main() -> None:
    """Run the command line; mistakes of the user end in one line, faults of medcode in a traceback."""
    try:
        app()
    except _mistakes() as mistake:
        print(f"medcode: {mistake}", file=sys.stderr)
        sys.exit(1)


def _mistakes() -> tuple[type[Exception], ...]:
    """What a person can put right: each message says what, where, and what to do."""
    from medcode_assets.commands.deidentify import Zip3FileError
    from medcode_assets.commands.dictionary import UnknownSchemaError
    from medcode_assets.commands.evaluation import EvaluationError
    from medcode_assets.commands.jsonlines import InputFileError
    from medcode_assets.commands.lineage import RunFailedError
    from medcode_assets.commands.registry import NothingToLoadError
    from medcode_assets.commands.rules import UnknownRuleError
    from medcode_assets.commands.training import TrainingOptionError
    from medcode_assets.instance import DagsterHomeError
    from medcode_assets.rehearsal.plan import RehearsalError
    from medcode_ml.billing.amounts.network_parameters import NetworkParameterError as AmountNetworkParameterError
    from medcode_ml.billing.amounts.training import TooFewProvidersError
    from medcode_ml.billing.amounts.training_parameters import AmountTrainingParameterError
    from medcode_ml.billing.amounts.trees import TreeParameterError
    from medcode_ml.billing.answers.kept import KeptFileError
    from medcode_ml.billing.fhir.ndjson import FhirExportError
    from medcode_ml.billing.held import HeldClaimError
    from medcode_ml.billing.payers import PayersFileError
    from medcode_ml.codes.loaded import ReferenceFileError
    from medcode_ml.coding.figures.predictions import PredictionFileError
    from medcode_ml.coding.labelled.note import LabelledSourceError
    from medcode_ml.coding.training import TooFewChartsError
    from medcode_ml.coding.training_parameters import TrainingParameterError
    from medcode_ml.drift.alarms import AlarmError
    from medcode_ml.drift.reference import DriftReferenceError
    from medcode_ml.filtering.deidentify.documents import IdentifiersError
    from medcode_ml.filtering.deidentify.engine import DeidentifyExtraError
    from medcode_ml.filtering.rule import RuleFileError
    from medcode_ml.filtering.worklist import DecisionError
    from medcode_ml.intake.source import DeliveryError
    from medcode_ml.learning import NothingToLearnError
    from medcode_ml.mapping.linkage.decisions import LinkDecisionError
    from medcode_ml.models.calibration import CalibrationError
    from medcode_ml.models.manifest import ModelFolderError
    from medcode_ml.models.warehouse.promotion import NotPromotedError
    from medcode_ml.models.warehouse.stages import StageError
    from medcode_ml.models.warehouse.versions import TrainingDataError
    from medcode_ml.ranking.figures.predictions import RankedFileError
    from medcode_ml.ranking.network.parameters import NetworkParameterError
    from medcode_ml.ranking.training import TooFewStaysError
    from medcode_ml.ranking.training_parameters import TrainingParameterError as RankingParameterError
    from medcode_ml.serving.identity import IdentitySettingError
    from medcode_ml.serving.keys import ApiKeyError
    from medcode_ml.serving.policy import PolicyError
    from medcode_ml.serving.rates import RateSettingError
    from medcode_ml.serving.server import ServeOptionError
    from medcode_ml.store.database import DatabaseUrlError
    from medcode_ml.store.embedded import EmbeddedServerError
    from medcode_ml.store.migrate import SchemaBehindError
    from medcode_ml.store.views import ReaderRoleError
    from medcode_ml.streaming.client import BrokerError
    from medcode_ml.streaming.topics import StreamError

    return (
        ApiKeyError, ServeOptionError, PolicyError, IdentitySettingError, RateSettingError,
        InputFileError, KeptFileError, ModelFolderError, RunFailedError, DecisionError, HeldClaimError,
        UnknownSchemaError, PayersFileError,
        DeliveryError, DatabaseUrlError, EmbeddedServerError, ReaderRoleError, Zip3FileError, IdentifiersError,
        DeidentifyExtraError, NothingToLoadError, ReferenceFileError, RuleFileError, UnknownRuleError,
        LinkDecisionError, EvaluationError, TrainingOptionError, PredictionFileError,
        LabelledSourceError, TooFewChartsError, TrainingDataError, TrainingParameterError, NothingToLearnError,
        RankedFileError, NetworkParameterError, TooFewStaysError, RankingParameterError,
        AmountNetworkParameterError, TooFewProvidersError, AmountTrainingParameterError, TreeParameterError,
        SchemaBehindError, DagsterHomeError, FhirExportError, BrokerError, StreamError,
        AlarmError, CalibrationError, DriftReferenceError, NotPromotedError, StageError, RehearsalError,
    )  # fmt: skip
