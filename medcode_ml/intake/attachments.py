"""What comes inside a message: text, or page files that need a place of their own.

Page files are kept under the hash of their content, `<folder>/<2 digits>/<sha256><suffix>`, so that no name says whose
they are and the same file is kept once. A scanned record names one as `sha256:<sha256><suffix>`.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import os
import re
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"sha256:([0-9a-f]{64}\.[a-z]{2,5})")
_MEDIA_TYPE: Final = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_BLANK: Final = re.compile(r"[ \t\r\n]+")
_MAGIC: Final = (
    (b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"), (b"%PDF", ".pdf"),
)  # fmt: skip
_SUFFIXES: Final = {
    "application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/jpg": ".jpg", "image/tiff": ".tif",
    "image/tif": ".tif",
}  # fmt: skip
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_READ: Final = "text/plain, text/html, application/pdf, image/png, image/jpeg, image/tiff"


class AttachmentError(ValueError):
    """Content that cannot be taken; `rule` names the fault, the message says what is wrong and what to do."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


def attachment_path(folder: Path, name: str) -> Path | None:
    """Where the page file that a record names `sha256:...` lies; None for any other name."""
    found = _NAME.fullmatch(name)
    return folder / found.group(1)[:2] / found.group(1) if found else None


def keep_attachment(folder: Path, data: bytes, suffix: str) -> str:
    """Write page file `data` under its hash, readable by its owner only; returns the name a record gives it."""
    name = f"sha256:{hashlib.sha256(data).hexdigest()}{suffix}"
    path = attachment_path(folder, name)
    assert path is not None
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        os.replace(unfinished, path)
    return name


def from_base64(text: str) -> bytes:
    """Bytes of base64 text; white space is allowed, anything else that is not base64 is an error.

    Raises:
        AttachmentError: rule `undecodable_attachment`.
    """
    try:
        return base64.b64decode(_BLANK.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise AttachmentError(
            "undecodable_attachment", "the attachment is cut short or no base64; send the document again"
        ) from None


def check_content(data: bytes, size: int | None, sha1: str | None) -> None:
    """Compare `data` with the size and the base64 SHA-1 that the sender states, where it states them.

    Raises:
        AttachmentError: rule `attachment_size_differs` or `attachment_hash_differs`.
    """
    if size is not None and size != len(data):
        raise AttachmentError(
            "attachment_size_differs",
            f"the attachment has {len(data)} bytes where the sender states {size}; send the document again",
        )
    if sha1 is not None and from_base64(sha1) != hashlib.sha1(data, usedforsecurity=False).digest():
        raise AttachmentError(
            "attachment_hash_differs", "the attachment's SHA-1 is not the one stated; send the document again"
        )


def page_suffix(data: bytes, media_type: str) -> str | None:
    """Suffix of a page file, by its content before its stated type; None where it is neither picture nor PDF."""
    for magic, suffix in _MAGIC:
        if data.startswith(magic):
            return suffix
    return _SUFFIXES.get(media_type)


def media_type_of(stated: str | None) -> tuple[str, str]:
    """(media type in lower case, character set, utf-8 unless given) of a content type such as text/plain; charset=x."""
    kind, _, rest = (stated or "").partition(";")
    found = re.search(r"charset\s*=\s*\"?([\w.:-]+)", rest, re.IGNORECASE)
    return kind.strip().lower(), found.group(1) if found else "utf-8"


def as_text(data: bytes, media_type: str, charset: str = "utf-8") -> str:
    """Text of an attachment: plain text decoded, HTML laid out as text with its tables in columns.

    Raises:
        AttachmentError: rule `undecodable_attachment` or `unsupported_content`.
    """
    if media_type != "text/plain" and media_type not in _HTML:
        named = media_type if _MEDIA_TYPE.fullmatch(media_type) else "that is not stated"
        raise AttachmentError(
            "unsupported_content", f"content of a type {named} is not read; send the document as one of {_READ}"
        )
    try:
        text = data.decode(codecs.lookup(charset).name).removeprefix("\ufeff")
    except (LookupError, UnicodeError):
        raise AttachmentError(
            "undecodable_attachment", "the text is not in the character set stated; send the document again as UTF-8"
        ) from None
    if "\0" in text:
        raise AttachmentError("undecodable_attachment", "the text holds a NUL; send the document again as UTF-8 text")
    return html_text(text) if media_type in _HTML else text


def html_text(html: str) -> str:
    """What a browser would show of `html`, as text.

    Raises:
        AttachmentError: rule `undecodable_attachment`: nothing can be made of it.
    """
    from inscriptis import get_text
    from lxml.etree import LxmlError

    # An XML declaration that names an encoding is refused by the parser for text that is decoded already.
    html = re.sub(r"^\s*<\?xml[^>]*\?>", "", html)
    try:
        shown = get_text(html) if html.strip() else ""
    except (LxmlError, ValueError, RecursionError):
        raise AttachmentError(
            "undecodable_attachment", "the HTML cannot be laid out as text; send the document as text/plain"
        ) from None
    return "\n".join(line.rstrip() for line in shown.strip("\n").split("\n"))
