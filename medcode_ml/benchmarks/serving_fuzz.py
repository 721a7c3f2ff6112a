"""Sends malformed requests to the API: by schemathesis from its OpenAPI document, and bytes that are no requests.

    python -m medcode_ml.benchmarks.serving_fuzz --requests 10000

Answers are counted by status and route; the bar is no 5xx, no lost connection, and every error an RFC 9457 problem with
the request's id. Requests that got a 5xx are printed without their bodies.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from medcode_ml.benchmarks.serving import say, server
from medcode_ml.serving.formats import (
    BILL_EXAMPLE,
    CASE_EXAMPLE,
    CHART_EXAMPLE,
    ENCOUNTER_EXAMPLE,
    NOTE_EXAMPLE,
    WHOLE_EXAMPLE,
)

_PATHS: Final = {
    "/v1/code": NOTE_EXAMPLE, "/v1/rank": ENCOUNTER_EXAMPLE, "/v1/bill": BILL_EXAMPLE, "/v1/price": CASE_EXAMPLE,
    "/v1/encounters": WHOLE_EXAMPLE, "/v1/decisions": CHART_EXAMPLE,
}  # fmt: skip
_HEADERS: Final[tuple[dict[str, str], ...]] = (
    *({},) * 20, {"prefer": "respond-async"}, {"idempotency-key": "again"}, {"idempotency-key": ""},
    {"idempotency-key": "again", "prefer": "respond-async"}, {"medcode-hospital": "H 1"},
)  # fmt: skip
_CHARSETS: Final = (
    "undefined", "punycode", "idna", "raw_unicode_escape", "unicode_escape", "utf-7", "utf-16", "hex", "x", "latin-1",
)  # fmt: skip


def nested(levels: int) -> Any:
    """Lists within lists."""
    found: Any = "x"
    for _ in range(levels):
        found = [found]
    return found


_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, "-1", 10**9, 10**18, 2**63, 1.5, -0.0,
    1e308, "", " ", "x", "\x00", "\ud7ff", "0",
    "1e999", "NaN", "Infinity", "9999-12-31", "0001-01-01", "2026-02-30", "1900-01-01", "2015-09-30",
    "2026-11-15T25:00", "é" * 50, "A" * 5000,
    "I50.23", "i5023", "....", "0" * 40, [], {}, [[]], [None], [{}], [0], {"": ""}, {"code": None},
    [{"code": "I10"}] * 3, {"image": nested(300)}, nested(40), {"image": {"image": "x"}},
    "\u202e", "💉", "1234567893", "M", "F", "inpatient", "outpatient", ["I10", "I10"],
)  # fmt: skip


def changed(value: Any, draw: random.Random, depth: int = 0) -> Any:
    """`value` with something in it wrong: a key gone, another type, an odd value, at any depth."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        how = draw.random()
        if how < 0.12:
            return {k: v for k, v in value.items() if k != key}
        if how < 0.2:
            return {**value, draw.choice(("", "x", "codes", "text", "lines", "poa", "units")): draw.choice(_ODD)}
        return {**value, key: changed(value[key], draw, depth + 1)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        at = draw.randrange(len(value))
        return [*value[:at], changed(value[at], draw, depth + 1), *value[at + 1 :]]
    return draw.choice(_ODD)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--model", type=Path, help="coding model folder; default the ontology coder")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    statuses: Counter[tuple[str, int]] = Counter()
    unproblematic: Counter[str] = Counter()
    began = time.monotonic()
    with server(given.model, 1) as (port, _):
        ask = _Asker(f"http://127.0.0.1:{port}", statuses, unproblematic)
        with tqdm(total=given.requests, unit="request", disable=None) as bar:
            ask.bar = bar
            _mutants(ask, random.Random(given.seed), given.requests // 2)
            seed = given.seed
            # the routes without parameters have little that can be wrong: what they leave is made of the others again
            while (left := given.requests - sum(statuses.values())) > 0:
                _by_schema(ask, left, seed)
                seed += 1
                if given.requests - sum(statuses.values()) == left:
                    say("schemathesis makes no requests at all: the lines above say why")
                    break
    total = sum(statuses.values())
    say(f"{total} requests in {time.monotonic() - began:.0f} s")
    for (route, status), count in sorted(statuses.items()):
        say(f"{count:7}  {status}  {route}")
    failed = sum(count for (_, status), count in statuses.items() if status >= 500 or status == 0)
    say(f"5xx or lost: {failed} (bar 0)")
    say(f"errors that are no problem+json: {sum(unproblematic.values())} {dict(unproblematic)} (bar 0)")


class _Asker:
    """Sends a request and counts the answer."""

    def __init__(self, base: str, statuses: Counter[tuple[str, int]], unproblematic: Counter[str]) -> None:
        import httpx

        self.base, self._statuses, self._unproblematic = base, statuses, unproblematic
        self._client = httpx.Client(base_url=base, timeout=90)
        self.bar: Any = None

    def __call__(self, route: str, method: str, path: str, **sent: Any) -> None:
        """One request; `route` names it in the count."""
        import httpx

        try:
            request = self._client.build_request(method, path, **sent)
        except (httpx.InvalidURL, AttributeError, TypeError, ValueError):
            return  # nothing that goes over a wire, such as a number in place of a file
        try:
            answer = self._client.send(request)
        except httpx.LocalProtocolError:
            return
        except httpx.HTTPError as error:
            say(f"lost: {method} {route} {type(error).__name__}")
            self._count(route, 0)
            return
        self._count(route, answer.status_code)
        if answer.status_code >= 400:
            if not answer.headers.get("content-type", "").startswith("application/problem+json"):
                self._unproblematic[f"{method} {route} {answer.status_code}"] += 1
            if answer.status_code >= 500:
                say(f"{answer.status_code}: {method} {route} {answer.headers.get('x-request-id')}")

    def _count(self, route: str, status: int) -> None:
        self._statuses[(route, status)] += 1
        self.bar.update()


def _mutants(ask: _Asker, draw: random.Random, most: int) -> None:
    """The examples with something wrong in them; now and then a body that is not JSON, or another header."""
    import json

    for _ in range(most):
        if draw.random() < 0.04:
            _upload(ask, draw)
            continue
        path = draw.choice(list(_PATHS))
        batch = draw.random() < 0.25
        body: Any = {"records": [_PATHS[path], _PATHS[path]]} if batch else _PATHS[path]
        for _ in range(draw.choice((1, 1, 2, 4))):
            body = changed(body, draw)
        content = json.dumps(body, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
        how = draw.random()
        if how < 0.08:
            at = draw.randrange(len(content) + 1)
            content = content[:at] + bytes(draw.randrange(256) for _ in range(draw.randrange(4))) + content[at + 1 :]
        elif how < 0.1:
            content = b"[" * draw.choice((10, 1000, 100_000))
        kind = "application/json" if draw.random() < 0.97 else draw.choice(("text/plain", "", "application/xml"))
        query = draw.choice(("", "", "", "?as_of=x", "?as_of=0001-01-01", "?as_of=2026-03-01", "?as_of=99999999999"))
        route = path + "/batch" * batch
        ask(route, "POST", route + query, content=content, headers={"content-type": kind, **draw.choice(_HEADERS)})


def _upload(ask: _Asker, draw: random.Random) -> None:
    """Parts with something wrong in them: no record or two, one that is not JSON, files that are no images."""
    import json

    record = changed(WHOLE_EXAMPLE, draw) if draw.random() < 0.8 else {**WHOLE_EXAMPLE, "mine": nested(300)}
    parts: list[tuple[str, Any]] = [("record", (None, json.dumps(record)))]
    for _ in range(draw.randrange(3)):
        file = draw.choice((b"", b"x" * 300, b"%PDF-1.7 nothing", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00"))
        parts.append((draw.choice(("file", "discharge_summary", "", "record")), ("a.png", file)))
    draw.shuffle(parts)
    body = {"files": parts[: draw.randrange(len(parts) + 1)] or [("file", (None, ""))]}
    odd = {"content": b"--x\r\nwhat is this", "headers": {"content-type": "multipart/form-data; boundary=x"}}
    none = {"content": b"x", "headers": {"content-type": "multipart/form-data"}}
    ask("/v1/encounters", "POST", "/v1/encounters", **draw.choice((body, body, body, body, odd, none, _charset(draw))))


def _charset(draw: random.Random) -> dict[str, Any]:
    """Parts in a charset that is none for a form, with bytes that some of them cannot be read as."""
    name, sent = draw.choice((b"record", b"file", b"\\ud800")), draw.choice((b"{}", b"\\ud800", b"\xff\xfe{", b"xn--0"))
    content = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--x--\r\n' % (name, sent)
    kind = f"multipart/form-data; boundary=x; charset={draw.choice(_CHARSETS)}"
    return {"content": content, "headers": {"content-type": kind}}


def _by_schema(ask: _Asker, most: int, seed: int) -> None:
    """What schemathesis makes of the OpenAPI document, valid and not, route by route in turn."""
    import warnings

    import httpx
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from schemathesis import GenerationMode

    schema = schemathesis.openapi.from_url(f"{ask.base}/openapi.json")
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    share = most // (2 * len(operations)) + 1
    for operation in operations:
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except Exception as error:  # a route without anything to get wrong
                say(f"{operation.label}: nothing {mode.value}: {type(error).__name__}")
                continue

            @seeded(seed)
            @settings(max_examples=share, deadline=None, database=None, phases=[Phase.generate],
                      suppress_health_check=list(HealthCheck))  # fmt: skip
            @given(case=strategy)
            def sent(case: Any) -> None:
                made = case.as_transport_kwargs(base_url=ask.base)
                made.pop("cookies", None)
                keys = ("params", "headers", "json", "data", "content", "files")
                parts = {k: made[k] for k in keys if made.get(k) is not None}
                try:
                    httpx.Request(case.method, made["url"], **parts).read()
                except (AttributeError, TypeError):
                    return  # a part of a form that is no text: the client cannot write it down
                ask(case.operation.path, case.method, made["url"], **parts)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    sent()
                except Exception as error:
                    # hypothesis cannot make any case of this kind for this route
                    say(f"{operation.label}: {mode.value} cases ended: {type(error).__name__}: {error}"[:200])


if __name__ == "__main__":
    main()
