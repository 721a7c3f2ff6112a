"""The FHIR R4 door: DocumentReference with Binary, Observation, Patient and Encounter become delivered rows.

A day's files are read twice: first patients, encounters, organisations, practitioners and attachments, then the
documents and results that refer to them, in whatever file each of them stands. A document that is superseded or
entered in error, or that another one replaces, is set aside with that reason, and so is whatever is invalid.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from medcode_ml.intake import fhir_rows
from medcode_ml.intake.attachments import (
    AttachmentError,
    as_text,
    check_content,
    from_base64,
    keep_attachment,
    media_type_of,
    page_suffix,
)
from medcode_ml.intake.document_types import OTHER, document_type
from medcode_ml.intake.fhir_resources import (
    SUPPORTING,
    TAKEN,
    WRAPPING,
    Entry,
    Resource,
    ResourceError,
    as_json,
    day,
    moment,
    read_entries,
    tail,
    validate,
)
from medcode_ml.intake.gathering import CANCELS_DOCUMENT, Gathering, Person, Place, Rejection, Row
from medcode_ml.intake.senders import Senders
from medcode_ml.intake.source import DeliveryError

_TABLES: Final = {"Patient": "patient", "Encounter": "encounter", "Observation": "observation"}
_PREFERRED: Final = ("text/plain", "text/html", "application/xhtml+xml", "application/pdf")
_REPLACED: Final = ("replaced_document", "a later document replaces it; that one stands")
_IN_ERROR: Final = ("cancelled_document", "the sender says it was entered in error")
_IN_MEMORY: Final = 16 * 2**20


@dataclass(frozen=True)
class _Kept:
    """A Binary in the temporary file, or why it has no content."""

    at: int
    size: int
    media: str
    error: AttachmentError | None = None


@dataclass(frozen=True)
class _Stay:
    hospital: str
    mrn: str
    number: str
    person: Person


class FhirDoor:
    """Takes a day's files of FHIR resources into its gathering."""

    def __init__(
        self, gathering: Gathering, senders: Senders, attachments_dir: Path, path_of: Callable[[str], Path]
    ) -> None:
        """Page files inside resources are kept under `attachments_dir`; `path_of` finds files of the delivery."""
        self._gathering = gathering
        self._senders = senders
        self._attachments_dir = attachments_dir
        self._path_of = path_of
        self._known: dict[str, Resource] = {}
        self._places: dict[str, Place] = {}
        self._record_ids: dict[str, str] = {}
        self._binaries: dict[str, tuple[Place, _Kept]] = {}
        self._used: set[Place] = set()
        self._left_out: Counter[tuple[str, str]] = Counter()

    def take(self, files: Sequence[tuple[Path, str]]) -> None:
        """Take every resource of the files (path, name); it never raises for what they hold."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as self._spool:
            for path, file in files:
                self._each(path, file, self._first)
            for url, resource in list(self._known.items()):
                if resource["resourceType"] in ("Patient", "Encounter") and url in self._places:
                    self._try(self._register, resource, self._places[url])
            for path, file in files:
                self._each(path, file, self._second)
        for place, _ in dict.fromkeys(self._binaries.values()):
            if place not in self._used:
                reason = "no DocumentReference names this Binary; send the document that it belongs to"
                self._reject("scanned_record", place, "binary_not_referenced", reason, None)
        for (file, kind), count in self._left_out.items():
            reason = f"{count} resources of type {kind} are not taken; deliver such facts as tables"
            self._reject("scanned_record", Place(file, 0), "resource_type_not_taken", reason, None)

    def _each(self, path: Path, file: str, use: Callable[[Entry, Place], None]) -> None:
        try:
            for entry in read_entries(path):
                use(entry, Place(file, entry.line))
        except OSError as error:
            reason = f"cannot be read to its end ({type(error).__name__}); deliver the file again"
            if use == self._first:
                self._gathering.cut(file)
                self._reject("scanned_record", Place(file, 0), "unreadable_file", reason, None)

    def _reject(self, table: str, place: Place, rule: str, what: str, original: str | None) -> None:
        where = f"{place.file}, line {place.line}" if place.line else place.file
        self._gathering.reject(table, place, rule, f"{where}: {what}", original)

    def _try(self, take: Callable[[Resource, Place], None], resource: Resource, place: Place) -> None:
        try:
            take(resource, place)
        except (ResourceError, AttachmentError) as error:
            table = _TABLES.get(resource["resourceType"], "scanned_record")
            self._reject(table, place, error.rule, str(error), as_json(resource))

    # --- first time through: what others refer to ---------------------------------------------------------------------

    def _first(self, entry: Entry, place: Place) -> None:
        if entry.too_early:
            self._gathering.cut(place.file)
        if entry.fault is not None:
            self._reject("scanned_record", place, *entry.fault, entry.original)
            return
        kind = entry.resource["resourceType"]
        if kind in TAKEN | SUPPORTING:
            self._try(lambda resource, _: self._index(resource, entry, place), entry.resource, place)
        elif kind not in WRAPPING:
            self._left_out[place.file, kind if kind.isalpha() and kind.isascii() and len(kind) < 40 else "?"] += 1

    def _index(self, resource: Resource, entry: Entry, place: Place) -> None:
        kind = resource["resourceType"]
        if kind == "DocumentReference":
            named = _record_id(resource)
            for url in _urls(resource, entry) if named is not None else ():
                self._record_ids[url] = str(named)
            return
        if kind == "Observation":
            return
        validate(resource)
        if kind == "Binary":
            kept = self._keep(resource)
            for url in _urls(resource, entry):
                self._binaries[url] = (place, kept)
            if not _urls(resource, entry):
                raise ResourceError("binary_not_referenced", "the Binary has no id, so nothing can name it; send one")
            return
        for url in _urls(resource, entry):
            self._known[url] = resource
        first = next(iter(_urls(resource, entry)), f"{place.file}#{place.line}")
        self._known.setdefault(first, resource)
        self._places[first] = place

    def _keep(self, resource: Resource) -> _Kept:
        media = str(resource.get("contentType") or "")
        try:
            data = from_base64(str(resource.get("data") or ""))
        except AttachmentError as error:
            return _Kept(0, 0, media, error)
        self._spool.seek(0, 2)
        at = self._spool.tell()
        self._spool.write(data)
        return _Kept(at, len(data), media)

    # --- patients and encounters --------------------------------------------------------------------------------------

    def _register(self, resource: Resource, place: Place) -> None:
        when = moment((resource.get("meta") or {}).get("lastUpdated"))
        if resource["resourceType"] == "Patient":
            hospital = self._hospital(resource.get("managingOrganization"))
            if hospital is not None:
                self._patient(resource, hospital, place, when)
            elif not resource.get("identifier"):
                raise ResourceError("no_record_number", "the Patient has no identifier; send its record number")
            return
        if resource.get("status") in ("cancelled", "entered-in-error"):
            raise ResourceError("encounter_withdrawn", "the Encounter is cancelled or was entered in error")
        stay = self._stay(resource, None)
        row = fhir_rows.encounter_row(resource, stay.hospital, stay.mrn, stay.number, self._npi)
        self._gathering.snapshot("encounter", row, place, when)
        patient = self._resource(resource.get("subject"), resource)
        if patient is not None:
            self._patient(patient, stay.hospital, place, when)

    def _patient(self, patient: Resource, hospital: str, place: Place, when: int) -> None:
        mrn = fhir_rows.record_number(patient, hospital, self._senders)
        if mrn is None:
            raise ResourceError("no_record_number", "the Patient has no medical record number; send it with one")
        self._gathering.snapshot("patient", fhir_rows.patient_row(patient, hospital, mrn), place, when)

    def _stay(self, encounter: Resource, giver: Resource | None) -> _Stay:
        """Whose stay it is and at which hospital: of the encounter's provider, else `giver`, else the patient's."""
        patient = self._resource(encounter.get("subject"), encounter)
        owner = None if patient is None else patient.get("managingOrganization")
        givers = (encounter.get("serviceProvider"), giver, owner)
        hospital = next(filter(None, map(self._hospital, givers)), None)
        if hospital is None:
            raise ResourceError(
                "unknown_sender", "no organisation names the hospital; list its identifier in senders.csv or send it"
            )
        number = fhir_rows.encounter_number(encounter)
        mrn = (
            fhir_rows.record_number(patient, hospital, self._senders)
            if patient is not None
            else _logical(encounter.get("subject"))
        )
        if mrn is None or number is None:
            what = "medical record number" if mrn is None else "encounter number"
            rule = "no_record_number" if mrn is None else "no_visit_number"
            raise ResourceError(rule, f"no {what} can be found; send the Patient and the Encounter with their numbers")
        row = fhir_rows.patient_row(patient or {}, hospital, mrn)
        return _Stay(hospital, mrn, number, Person(row["last_name"], row["birth_date"]))

    def _stay_of(self, resource: Resource, reference: Resource | None, giver: Resource | None) -> _Stay:
        """The stay that a document or result belongs to; one that was not sent goes by the name in the reference."""
        encounter = self._resource(reference, resource)
        if encounter is None:
            number = _logical(reference)
            if number is None:
                raise ResourceError("no_visit_number", "no encounter is named; send the document or result with it")
            encounter = {"id": number, "subject": resource.get("subject")}
        return self._stay({"subject": resource.get("subject"), **encounter}, giver)

    # --- second time through: documents and results -------------------------------------------------------------------

    def _second(self, entry: Entry, place: Place) -> None:
        kind = entry.resource.get("resourceType")
        if kind == "DocumentReference":
            self._try(self._document, entry.resource, place)
        elif kind == "Observation":
            self._try(self._observation, entry.resource, place)

    def _document(self, resource: Resource, place: Place) -> None:
        validate(resource)
        context = resource.get("context") or {}
        stay = self._stay_of(resource, next(iter(context.get("encounter") or []), None), resource.get("custodian"))
        number = _record_id(resource)
        if number is None:
            raise ResourceError("no_document_number", "the DocumentReference has no identifier and no id; send one")
        when = moment((resource.get("meta") or {}).get("lastUpdated") or resource.get("date"))
        status = resource.get("status")
        if status == "entered-in-error" or resource.get("docStatus") == "entered-in-error":
            reason = (
                f"{place.file}, line {place.line}: the document was entered in error; it is not carried, reject one "
                "that an earlier delivery brought"
            )
            notice = Rejection("scanned_record", place, CANCELS_DOCUMENT, reason, as_json(resource))
            self._gathering.withdraw(stay.hospital, number, when, _IN_ERROR, notice)
            return
        if status == "superseded":
            raise ResourceError("superseded_document", "the document is superseded; the one that replaces it stands")
        if status != "current":
            raise ResourceError("invalid_resource", "status is not current, superseded or entered-in-error; correct it")
        text, files = self._content(resource)
        type_codings = [one for one in (resource.get("type") or {}).get("coding") or [] if one.get("code")]
        row: Row = {
            "hospital_id": stay.hospital,
            "record_id": number,
            "encounter_number": stay.number,
            "mrn": stay.mrn,
            "document_type": document_type("HL70270", *(str(one["code"]) for one in type_codings)) or OTHER,
            "written_date": day(resource.get("date") or (context.get("period") or {}).get("start")),
            "author_npi": next(filter(None, (self._npi(one) for one in resource.get("author") or [])), None),
            "text": text,
            "files": files,
        }
        replaced = [
            self._record_ids.get(tail(str((one.get("target") or {}).get("reference") or "")))
            or _logical(one.get("target"))
            for one in resource.get("relatesTo") or []
            if one.get("code") == "replaces"
        ]
        row["replaces"] = next(filter(None, replaced), None)
        self._gathering.document(row, place, when, stay.person)
        for parent in filter(None, replaced):
            reason = (
                f"{place.file}, line {place.line}: replaces a document that an earlier delivery brought; "
                "reject that one"
            )
            notice = Rejection("scanned_record", place, "replaces_earlier_document", reason, None)
            self._gathering.withdraw(stay.hospital, parent, when, _REPLACED, notice)

    def _content(self, resource: Resource) -> tuple[str | None, str | None]:
        """(text, names of page files). Contents of one document are its formats: text is taken before a picture of it;
        several pictures are its pages."""
        attachments = [one.get("attachment") or {} for one in resource["content"]]
        found = [(*self._attachment(one, resource), one) for one in attachments]
        kinds = [media for media, _, _, _ in found]
        chosen = next((kinds.index(kind) for kind in _PREFERRED if kind in kinds), None)
        taken = found if chosen is None else [found[chosen]]
        for one in found:
            self._used.update(place for place in (self._binary_place(one[3], resource),) if place is not None)
        text: list[str] = []
        files: list[str] = []
        for media, data, name, attachment in taken:
            if data is None:
                files.append(str(name))
                continue
            check_content(data, attachment.get("size"), attachment.get("hash"))
            suffix = page_suffix(data, media)
            if suffix is None:
                text.append(as_text(data, media, media_type_of(attachment.get("contentType"))[1]))
            else:
                files.append(str(name) if name is not None else keep_attachment(self._attachments_dir, data, suffix))
        whole = "\n".join(text)
        if not whole.strip() and not files:
            raise ResourceError("document_without_content", "the document has no content; send it again with it")
        return whole if whole.strip() else None, "|".join(files) or None

    def _attachment(self, attachment: Resource, resource: Resource) -> tuple[str, bytes | None, str | None]:
        """(media type, content, name in the delivery) of an attachment; no content where its file is not there."""
        media = media_type_of(attachment.get("contentType"))[0]
        if attachment.get("data") is not None:
            return media, from_base64(str(attachment["data"])), None
        url = str(attachment.get("url") or "")
        binary = self._binary(url, resource)
        if binary is not None:
            if binary.error is not None:
                raise binary.error
            self._spool.seek(binary.at)
            return media or media_type_of(binary.media)[0], self._spool.read(binary.size), None
        if not url or ":" in url.split("/")[0] or url.startswith(("/", "#", "Binary/")) or "|" in url:
            raise AttachmentError(
                "attachment_not_delivered",
                "the document's content is not in the delivery; send it inside, as a Binary or as a file beside it",
            )
        name = unquote(url)
        try:
            path = self._path_of(name)
        except DeliveryError as error:
            raise AttachmentError("outside_delivery", str(error)) from None
        return media, path.read_bytes() if path.is_file() else None, name

    def _binary(self, url: str, resource: Resource) -> _Kept | None:
        if url.startswith("#"):
            inside = next((one for one in resource.get("contained") or [] if one.get("id") == url[1:]), None)
            return self._keep(inside) if inside is not None and inside.get("resourceType") == "Binary" else None
        found = self._binaries.get(url) or self._binaries.get(tail(url))
        return None if found is None else found[1]

    def _binary_place(self, attachment: Resource, resource: Resource) -> Place | None:
        url = str(attachment.get("url") or "")
        found = self._binaries.get(url) or self._binaries.get(tail(url))
        return None if found is None else found[0]

    def _observation(self, resource: Resource, place: Place) -> None:
        validate(resource)
        stay = self._stay_of(resource, resource.get("encounter"), next(iter(resource.get("performer") or []), None))
        when = moment((resource.get("meta") or {}).get("lastUpdated") or resource.get("issued"))
        own = _record_id(resource)
        key = ("fhir", own)
        if resource.get("status") in ("entered-in-error", "cancelled"):
            if own is not None:
                self._gathering.take_back_result(stay.hospital, stay.number, when, key)
            raise ResourceError("result_withdrawn", "the result is cancelled or entered in error; it is not carried")
        rows = fhir_rows.observation_rows(resource)
        if not rows:
            raise ResourceError("result_without_value", "the Observation has no value; send the result with its value")
        for at, row in enumerate(rows):
            filed = {"hospital_id": stay.hospital, "encounter_number": stay.number, "mrn": stay.mrn, **row}
            named = None if own is None else key if at == 0 else (*key, str(at))
            self._gathering.observation(filed, place, when, stay.person, named)

    # --- references ---------------------------------------------------------------------------------------------------

    def _resource(self, reference: Resource | None, within: Resource) -> Resource | None:
        """The resource that a reference names, in the delivery or contained in `within`."""
        url = str((reference or {}).get("reference") or "")
        if url.startswith("#"):
            return next((one for one in within.get("contained") or [] if one.get("id") == url[1:]), None)
        return self._known.get(url) or self._known.get(tail(url)) if url else None

    def _hospital(self, reference: Resource | None) -> str | None:
        if reference is None:
            return None
        organisation = self._resource(reference, {}) or {}
        codes = [str(one["value"]) for one in organisation.get("identifier") or [] if one.get("value")]
        if reference.get("reference") and organisation.get("resourceType", "Organization") != "Organization":
            return None
        return self._senders.hospital([*codes, _logical(reference)])

    def _npi(self, reference: Resource | None) -> str | None:
        practitioner = self._resource(reference, {})
        if practitioner is not None and practitioner["resourceType"] == "PractitionerRole":
            practitioner = self._resource(practitioner.get("practitioner"), practitioner)
        if practitioner is not None:
            return fhir_rows.npi(practitioner)
        return fhir_rows.npi({"identifier": [(reference or {}).get("identifier") or {}]})


def _urls(resource: Resource, entry: Entry) -> list[str]:
    """Names by which others refer to a resource: Type/id and the full URL of its entry."""
    own = f"{resource['resourceType']}/{resource['id']}" if resource.get("id") else None
    return [url for url in (own, entry.url, tail(entry.url) if entry.url else None) if url]


def _record_id(resource: Resource) -> str | None:
    """The sender's number of a document or result: master identifier, first identifier, or the resource's id."""
    master = resource.get("masterIdentifier")
    listed = resource.get("identifier")
    named = [master, *(listed if isinstance(listed, list) else [])]
    value = next((one.get("value") for one in named if isinstance(one, dict) and one.get("value")), resource.get("id"))
    return value if isinstance(value, str) else None


def _logical(reference: Resource | None) -> str | None:
    """What a reference names by itself: its identifier, else the id at its end."""
    named = (reference or {}).get("identifier") or {}
    url = str((reference or {}).get("reference") or "")
    return named.get("value") or (tail(url).split("/")[-1] if url and not url.startswith(("#", "urn:")) else None)
