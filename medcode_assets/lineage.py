"""Which column comes from which: the lineage that the UI shows, derived from the contracts."""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa

from medcode_ml.contracts import metadata
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.contracts.raw import DELIVERED

#: table -> tables before it whose columns of the same name it carries on
CARRIES: dict[str, tuple[str, ...]] = {
    **{f"raw.{name}": ("raw.stream_message",) for name in DELIVERED},
    "served.event": ("billed.claim",),
    "mapped.patient": ("raw.patient",),
    "mapped.encounter": ("raw.encounter", "mapped.patient"),
    "mapped.document": ("raw.scanned_record", "mapped.encounter"),
    "mapped.document_page": ("raw.page", "mapped.document"),
    "mapped.document_section": ("mapped.document",),
    "mapped.document_block": ("mapped.document",),
    "mapped.copied_passage": ("mapped.document",),
    "mapped.crosswalk": ("mapped.encounter",),
    "mapped.person": ("mapped.patient",),
    "mapped.person_link": ("mapped.patient",),
    "mapped.provider": ("raw.clinician", "raw.hospital"),
    "mapped.payer": ("raw.payer",),
    **{
        f"mapped.{name}": (f"raw.{name}", "mapped.encounter")
        for name in ("diagnosis", "procedure", "charge", "medication", "microbiology", "observation", "unit_stay",
                     "service")
    },
    **{
        f"filtered.{name}": (f"mapped.{name}",)
        for name in ("patient", "encounter", "document", "diagnosis", "procedure", "charge", "medication",
                     "microbiology", "observation", "unit_stay", "service")
    },
    "filtered.deidentified_document": ("filtered.document",),
    "coded.encounter": ("filtered.encounter",),
    "coded.encounter_code": ("filtered.encounter",),
    "coded.evidence": ("filtered.document", "coded.encounter_code"),
    "coded.query": ("filtered.encounter",),
    "ranked.encounter": ("coded.encounter",),
    "ranked.encounter_code": ("coded.encounter_code",),
    "billed.claim": ("filtered.encounter", "ranked.encounter"),
    "billed.claim_line": ("filtered.charge",),
    "billed.claim_edit": ("billed.claim", "ranked.encounter_code"),
    "billed.what_if": ("ranked.encounter_code",),
    "billed.payment_factor": ("billed.claim",),
    "billed.interchange_claim": ("billed.claim",),
    "billed.predicted_amount": ("billed.claim",),
    "billed.interchange": ("billed.claim",),
    "billed.answer_set": ("raw.answer_file",),
    "billed.acknowledgement": ("billed.answer_set",),
    "billed.acknowledgement_fault": ("billed.acknowledgement",),
    "billed.claim_status": ("billed.interchange_claim", "billed.answer_set"),
    "billed.remittance": ("raw.remittance", "billed.answer_set"),
    "billed.remittance_claim": ("billed.interchange_claim", "billed.remittance", "billed.answer_set"),
    "billed.remittance_line": ("billed.remittance_claim",),
    "billed.remittance_adjustment": ("billed.remittance_claim",),
    "billed.provider_adjustment": ("billed.remittance",),
    "billed.answer_unread": ("raw.answer_file",),
    "billed.denial": ("billed.remittance_claim", "billed.remittance_adjustment", "billed.remittance_line"),
    "ml.drift_reference_sketch": ("ml.drift_reference",),
    "ml.drift_sketch": ("filtered.encounter", "ml.drift_reference"),
    "ml.drift_metric": ("ml.drift_sketch", "ml.drift_reference"),
    "ml.drift_alarm": ("ml.drift_metric",),
    "ml.audit_sample": ("coded.encounter", "filtered.encounter"),
    "review.chart_code": ("review.chart", "review.decision"),
    **{
        table: parents
        for kind in ("coding", "ranking", "amount")
        for table, parents in (
            (f"ml.{kind}_training_set", ("filtered.encounter",)),
            (f"ml.{kind}_model_encounter", (f"ml.{kind}_model", f"ml.{kind}_training_set")),
            (f"ml.{kind}_evaluation", (f"ml.{kind}_model",)),
        )
    },
}  # fmt: skip
#: what is known of a stay besides its codes, as the ranking reads it
_STAY = ("filtered.procedure.code", "filtered.medication.drug", "filtered.microbiology.organism",
         "filtered.unit_stay.unit", "filtered.service.service")  # fmt: skip
#: what the sketches of drift are made from
_SKETCHED = ("coded.encounter_code.score", "coded.encounter_code.code", "filtered.document.text", "raw.page.confidence",
             "raw.coder_label.code", "review.chart_code.code", "ranked.encounter.principal_probability",
             "billed.claim.drg", "billed.claim.total_charge", "billed.remittance_claim.paid")  # fmt: skip
#: columns that come from a column of another name
MADE_OF: dict[str, dict[str, tuple[str, ...]]] = {
    # where the source is the stream; a folder's rows come from its files
    **{
        f"raw.{name}": {
            "source_file": ("raw.stream_message.topic", "raw.stream_message.partition"),
            "source_line": ("raw.stream_message.offset",),
            **{column.rstrip("?"): ("raw.stream_message.payload",) for column in columns},
        }
        for name, (_, _, columns) in DELIVERED.items()
    },
    "served.event": {
        "state": ("coded.encounter_code.code", "ranked.encounter_code.rank", "billed.claim.status"),
        "version": ("coded.encounter.model_version", "ranked.encounter.model_version", "billed.claim.grouper_version"),
    },
    "mapped.document": {"text": ("raw.scanned_record.text", "raw.page.text")},
    "mapped.document_section": {"section_type": ("mapped.document.text",)},
    "mapped.document_block": {"cells": ("mapped.document.text",)},
    "mapped.copied_passage": {"first_document_id": ("mapped.document.text",)},
    "mapped.observation": {"value": ("raw.observation.value", "raw.observation.unit")},
    "mapped.document_page": {"start_offset": ("raw.page.text",), "end_offset": ("raw.page.text",)},
    "filtered.deidentified_document": {"text": ("filtered.document.text",)},
    "mapped.crosswalk": {"source_code": ("raw.diagnosis.code", "raw.procedure.code")},
    "mapped.diagnosis": {"source_code": ("raw.diagnosis.code",), "source_system": ("raw.diagnosis.code_system",)},
    "mapped.procedure": {"source_code": ("raw.procedure.code",), "source_system": ("raw.procedure.code_system",)},
    "coded.encounter_code": {
        "code": ("filtered.document.text", "mapped.document_section.section_type", "filtered.diagnosis.code"),
        "poa": ("filtered.document.text", "filtered.diagnosis.poa"),
    },
    "coded.evidence": {"boxes": ("raw.page.words",), "text": ("filtered.document.text",)},
    "coded.encounter": {
        "code_set_release": ("filtered.encounter.discharge_date",),
        "model_version": ("ml.coding_model.version",),
    },
    "ranked.encounter": {
        "principal_code": ("ranked.encounter_code.code",),
        "principal_probability": ("ranked.encounter_code.principal_share",),
        "needs_review": ("ranked.encounter_code.principal_share",),
        "model_version": ("ml.ranking_model.version",),
    },
    "ranked.encounter_code": {
        "rank": ("coded.encounter_code.code", "coded.encounter_code.document_types", *_STAY),
    },
    "billed.claim": {
        "principal_code": ("ranked.encounter_code.code",),
        "drg": ("ranked.encounter_code.code", "ranked.encounter_code.poa", "filtered.procedure.code"),
        "total_charge": ("filtered.charge.charge",),
        "expected_payment": ("billed.payment_factor.value",),
        "fingerprint": ("filtered.encounter.patient_id", "ranked.encounter_code.code", "filtered.charge.hcpcs"),
        "filing_limit": ("filtered.encounter.discharge_date", "raw.payer.contract"),
    },
    "billed.claim_line": {
        "line_number": ("filtered.charge.line_number",),
        "charge_number": ("filtered.charge.line_number",),
    },
    "billed.what_if": {
        "principal_code": ("ranked.encounter_code.code",),
        "drg": ("ranked.encounter_code.code", "ranked.encounter_code.poa", "filtered.procedure.code"),
        "expected_payment": ("billed.what_if.drg", "filtered.charge.charge", "raw.payer.contract"),
        "difference": ("billed.claim.expected_payment",),
    },
    "billed.payment_factor": {"value": ("billed.claim.drg", "filtered.charge.charge", "raw.payer.contract")},
    "billed.interchange_claim": {"diagnoses": ("ranked.encounter_code.code",)},
    "billed.answer_set": {"claims_repeated": ("billed.remittance_claim.remittance_claim_id",)},
    "billed.acknowledgement": {
        "group_control_number": ("billed.interchange.control_number",),
        "set_control_number": ("billed.interchange_claim.set_control_number",),
    },
    "billed.claim_status": {"control_number": ("billed.interchange_claim.claim_number",)},
    "billed.remittance": {"claims_paid": ("billed.remittance_claim.paid",)},
    "billed.remittance_claim": {
        "control_number": ("billed.interchange_claim.claim_number",),
        "charge": ("billed.interchange_claim.total_charge", "raw.remittance.charge"),
        "paid": ("raw.remittance.paid",),
        "adjusted": ("billed.remittance_adjustment.amount",),
    },
    "billed.remittance_adjustment": {"reason_code": ("raw.remittance.adjustments",)},
    "billed.denial": {
        "denial_key": (
            "billed.remittance_adjustment.group_code",
            "billed.remittance_adjustment.reason_code",
            "billed.remittance_adjustment.remark_codes",
        ),
        "codes": ("billed.interchange_claim.diagnoses",),
        "edits": ("billed.claim_edit.edit",),
    },
    "ml.coding_training_set": {
        "codes": ("review.chart_code.code", "raw.coder_label.code", "filtered.diagnosis.code"),
        "codes_outside_release": ("raw.coder_label.code", "filtered.diagnosis.code"),
        "person_id": ("mapped.person.person_id",),
        "split": ("mapped.person.person_id", "filtered.encounter.discharge_date"),
        "encounter_received": ("filtered.encounter.received_date",),
        "document_ids": ("filtered.document.document_id",),
        "character_count": ("filtered.document.text",),
        "text_hash": ("filtered.document.text",),
    },
    "ml.drift_reference": {
        "version": ("coded.encounter.model_version", "ranked.encounter.model_version"),
        "releases": ("coded.encounter.code_set_release", "ml.coding_model.code_set_releases"),
        "facts": ("filtered.document.text", "coded.encounter_code.score", "raw.coder_label.code"),
    },
    "ml.drift_reference_sketch": {"sketch": _SKETCHED},
    "ml.drift_sketch": {"sketch": _SKETCHED},
    "ml.drift_metric": {
        "value": ("ml.drift_sketch.sketch",),
        "reference_value": ("ml.drift_reference_sketch.sketch",),
        "p_value": ("ml.drift_sketch.sketch", "ml.drift_reference_sketch.sketch"),
    },
    "ml.drift_alarm": {"metrics": ("ml.drift_metric.metric", "ml.drift_metric.p_adjusted")},
    "ml.audit_sample": {
        "version": ("coded.encounter.model_version",),
        "stratum": ("coded.encounter_code.band",),
    },
    "ml.shadow_figure": {
        "value": (
            "filtered.document.text",
            "coded.encounter_code.code",
            "ranked.encounter_code.code",
            "billed.claim.drg",
            "ml.shadow_encounter.coder_drg",
            "billed.remittance_claim.paid",
        ),
        "champion": ("coded.encounter.model_version",),
    },
    "ml.shadow_encounter": {
        "champion_drg": ("coded.encounter_code.code", "ranked.encounter_code.code", "billed.claim.drg"),
        "champion_weight": ("billed.claim.weight",),
        "shadow_drg": ("filtered.document.text", "coded.encounter_code.code"),
        "shadow_weight": ("filtered.document.text", "coded.encounter_code.code"),
        "champion": ("coded.encounter.model_version", "ranked.encounter.model_version"),
        "coder_drg": ("raw.coder_label.code", "raw.coder_label.line_number"),
        "coder_weight": ("raw.coder_label.code", "raw.coder_label.line_number"),
    },
    "ml.coding_model": {
        "data_hash": ("ml.coding_training_set.codes", "ml.coding_training_set.text_hash"),
        "code_count": ("ml.coding_training_set.codes",),
    },
    "ml.coding_model_encounter": {"part": ("ml.coding_training_set.split",)},
    "ml.coding_evaluation": {
        "value": ("ml.coding_training_set.codes", "filtered.document.text", "ml.coding_model.version"),
    },
    "billed.predicted_amount": {
        "charges": ("billed.claim.drg", "ml.amount_training_set.charges"),
        "payments": ("billed.claim.drg", "ml.amount_training_set.payments"),
        "model_version": ("ml.amount_model.version",),
    },
    "ml.amount_training_set": {
        "drg": ("billed.claim.drg",),
        "charges": ("billed.claim.total_charge",),
        "payments": (
            "billed.remittance_claim.paid",
            "billed.remittance_claim.patient_responsibility",
            "billed.claim.expected_payment",
        ),
        "person_id": ("mapped.person.person_id",),
        "split": ("mapped.person.person_id", "filtered.encounter.discharge_date"),
        "encounter_received": ("filtered.encounter.received_date",),
    },
    "ml.amount_model": {"data_hash": ("ml.amount_training_set.charges", "ml.amount_training_set.payments")},
    "ml.amount_model_encounter": {"part": ("ml.amount_training_set.split",)},
    "ml.amount_evaluation": {
        "value": ("ml.amount_training_set.charges", "ml.amount_training_set.payments", "ml.amount_model.version"),
    },
    "ml.ranking_training_set": {
        "codes": ("review.chart_code.code", "raw.coder_label.code", "filtered.diagnosis.code"),
        "codes_outside_release": ("raw.coder_label.code", "filtered.diagnosis.code"),
        "poa": ("review.chart_code.poa", "raw.coder_label.poa", "filtered.diagnosis.poa"),
        "person_id": ("mapped.person.person_id",),
        "split": ("mapped.person.person_id", "filtered.encounter.discharge_date"),
        "encounter_received": ("filtered.encounter.received_date",),
    },
    "ml.ranking_model": {
        "data_hash": ("ml.ranking_training_set.codes", "coded.encounter_code.document_types", *_STAY),
        "code_count": ("ml.ranking_training_set.codes",),
    },
    "ml.ranking_model_encounter": {"part": ("ml.ranking_training_set.split",)},
    "ml.ranking_evaluation": {
        "value": (
            "ml.ranking_training_set.codes",
            "ml.ranking_model.version",
            "coded.encounter_code.document_types",
            *_STAY,
        ),
    },
}
#: what the columns of a view come from: the tables it joins, by column name
VIEW_TABLES: dict[str, tuple[str, ...]] = {
    "claim": ("billed.claim", "filtered.encounter", "billed.interchange_claim"),
    "encounter_code": ("ranked.encounter_code", "coded.encounter_code", "coded.encounter"),
    "quarantine": ("filtered.quarantine",),
    "person": ("mapped.person",),
    "link_review": ("mapped.person_link",),
    "coder_worklist": ("billed.claim", "ranked.encounter", "filtered.encounter", "billed.denial"),
    "daily_figure": ("billed.claim",),
    "revenue_figure": ("billed.claim",),
    "days_not_final_billed": ("mapped.encounter", "billed.claim", "billed.interchange_claim"),
    "claim_payment": ("billed.remittance_claim", "billed.denial"),
    "claim_progress": ("billed.claim", "billed.interchange_claim", "billed.acknowledgement", "billed.claim_status",
                       "billed.remittance_claim"),
    "expected_against_paid": ("billed.claim", "billed.remittance_claim"),
    "denial": ("billed.denial", "billed.remittance_claim", "billed.claim"),
    "denial_reason": ("billed.denial", "billed.remittance_claim", "billed.claim"),
    "denial_figure": ("billed.claim", "billed.remittance_claim", "billed.denial"),
    "edit_hit_rate": ("billed.claim_edit", "billed.remittance_claim", "billed.denial"),
    "review_figure": ("review.chart", "review.chart_code"),
    "review_reason": ("review.chart_code", "review.chart"),
    "review_time": ("review.chart",),
}  # fmt: skip


def asset_key(table: str) -> dg.AssetKey:
    """The asset key of `schema.table`."""
    return dg.AssetKey(table.split("."))


def column_lineage(table: str) -> dg.TableColumnLineage:
    """The lineage of each column of `schema.table` that has one."""
    columns = [c.name for c in metadata.tables[table].columns]
    return _lineage(columns, CARRIES.get(table, ()), MADE_OF.get(table, {}))


def promotion_lineage(evaluation: str) -> dg.TableColumnLineage:
    """The lineage of a kind's rows of `ml.model_stage`: what moved was evaluated before."""
    return _lineage(["version"], (evaluation,), {})


def view_lineage(view: str) -> dg.TableColumnLineage:
    """The lineage of each column of `mart.view` that has one."""
    columns = list(next(v for v in VIEWS if v.name == view).columns)
    return _lineage(columns, VIEW_TABLES[view], {})


def _lineage(
    columns: list[str], carried: tuple[str, ...], made_of: dict[str, tuple[str, ...]]
) -> dg.TableColumnLineage:
    found: dict[str, list[dg.TableColumnDep]] = {}
    for name in columns:
        if name in made_of:
            parents = [(p.rsplit(".", 1)[0], p.rsplit(".", 1)[1]) for p in made_of[name]]
        else:
            parents = [(t, name) for t in carried if name in metadata.tables[t].columns][:1]
        if parents:
            found[name] = [dg.TableColumnDep(asset_key(t), column) for t, column in parents]
    return dg.TableColumnLineage(found)


def column_schema(table: sa.Table) -> dg.TableSchema:
    """The columns of a table with type and comment, as the UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                c.name,
                str(c.type),
                description=c.comment,
                constraints=dg.TableColumnConstraints(nullable=bool(c.nullable)),
            )
            for c in table.columns
        ]
    )
