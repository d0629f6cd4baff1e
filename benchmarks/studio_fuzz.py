"""Send a studio what nobody should: changed requests over real sockets, by its own schema and by bytes.

    python benchmarks/studio_fuzz.py --tries 10000

Every operation of the schema is filled with values that fit and values that do not, with ids that exist and names that are paths; a third
of the requests are changed as bytes, so that heads, lengths and encodings are wrong too. The queue is paused, so that no job takes the
processor. Printed as JSON: answers by status, hangs (no answer within ten seconds), faults (status 500, a traceback in the server's
terminal, a server that ended), files outside the data folder, and the server's largest memory.
"""

import argparse
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

SECONDS = 10.0
"""Time in which every request is answered."""
SETTLED = 0.5
"""Time after which a request that is not whole is given up."""
PAUSE_EVERY = 100
"""Requests after which the queue is paused again, as one may have let it go on."""
LEFT_OUT = ("/api/v1/events",)
"""A stream without an end."""
WORDS: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**53, 2**63, 1e308, -1e308, 1e-308, "", " ", "a castle", "../../etc/passwd", "/etc/passwd", "\u0000", "\u202e",
    "\ud83c\udff0", "<script>alert(1)</script>", "' OR 1=1 --", "%00", "%2e%2e%2f", "a" * 3000, "9" * 400, "1e99999999", "nan", "inf",
    "0: 4, 24 smooth: 7", "cut", "morph 1e99", "comic:0.5", "hub:owner/name", "file:///etc/passwd", "http://127.0.0.1:1/",
    [], {}, [[]] * 50, {"a": {"a": {}}},
)  # fmt: skip
"""What readers stumble over."""
BYTES = (
    b"\0",
    b"\xff",
    b"\r\n",
    b"\r\n\r\n",
    b"{" * 3000,
    b"[" * 3000,
    b"%",
    b": ",
    b"chunked",
    b"-1",
    b"9" * 40,
    b"\xed\xb3\xa9",
    b'"',
    b"..",
)


class Requests:
    """Makes requests from a schema and a seed."""

    def __init__(self, schema: dict[str, Any], known: dict[str, str], host: str, chance: random.Random) -> None:
        self.schema, self.known, self.host, self.chance = schema, known, host, chance
        self.operations = [
            (method, path, operation)
            for path, methods in schema["paths"].items()
            if path not in LEFT_OUT
            for method, operation in methods.items()
        ]

    def next(self) -> tuple[bytes, bool]:
        """Return a request, and whether it is whole; a third are changed as bytes."""
        request, whole = self.filled(*self.chance.choice(self.operations)), self.chance.random() > 1 / 3
        return request if whole else self.changed(request), whole

    def filled(self, method: str, path: str, operation: dict[str, Any]) -> bytes:
        """Return a request of an operation with values that may fit."""
        query = list[str]()
        for parameter in operation.get("parameters", []):
            value = self.value(parameter.get("schema", {}))
            if parameter["in"] == "path":
                text = self.known.get(parameter["name"], str(value)) if self.chance.random() < 0.8 else str(value)
                path = path.replace(f"{{{parameter['name']}}}", quote(text, safe="", errors="replace"))
            elif parameter["in"] == "query" and self.chance.random() < 0.5:
                query.append(f"{parameter['name']}={quote(str(value), errors='replace')}")
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        body = json.dumps(self.value(content)).encode() if content else self.chance.randbytes(self.chance.choice((0, 0, 20)))
        target = path + ("?" + "&".join(query) if query else "")
        head = f"{method.upper()} {target} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """Return a value of a schema, or now and then one that is none."""
        if self.chance.random() < 0.08 or depth > 8:
            return self.chance.choice(WORDS)
        if "$ref" in schema:
            return self.value(self.schema["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth + 1)
        for key in ("anyOf", "oneOf", "enum"):
            if key in schema:
                chosen = self.chance.choice(schema[key])
                return chosen if key == "enum" else self.value(chosen, depth + 1)
        if "const" in schema:
            return schema["const"]
        return self.plain(schema, depth)

    def plain(self, schema: dict[str, Any], depth: int) -> Any:
        match schema.get("type"):
            case "object":
                required = schema.get("required", [])
                given = {name: own for name, own in schema.get("properties", {}).items() if name in required or self.chance.random() < 0.4}
                return {name: self.value(own, depth + 1) for name, own in given.items()}
            case "array":
                return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.chance.choice((0, 1, 2, 3)))]
            case "integer":
                return self.chance.choice((0, 1, 2, 5, 60, schema.get("maximum", 10**6)))
            case "number":
                return self.chance.choice((0.1, 0.5, 1.0, 4.0, schema.get("maximum", 3600)))
            case "boolean":
                return self.chance.random() < 0.5
            case "string":
                text = ["a castle at dusk", *self.known.values()] if "pattern" in schema else ["a castle at dusk", "comic", "cut"]
                return self.chance.choice(text)
            case _:
                return self.chance.choice(WORDS)

    def changed(self, request: bytes) -> bytes:
        """Return a request of which some spans are deleted, repeated or replaced."""
        content = bytearray(request)
        for _ in range(self.chance.randint(1, 4)):
            start = self.chance.randint(0, len(content))
            stop = min(len(content), start + self.chance.randint(0, 16))
            match self.chance.choice(("delete", "repeat", "word")):
                case "delete":
                    del content[start:stop]
                case "repeat":
                    content[start:start] = content[start:stop] * self.chance.randint(1, 4)
                case _:
                    content[start:stop] = self.chance.choice(BYTES)
        return bytes(content)


def answered(address: tuple[str, int], request: bytes, whole: bool) -> str:
    """Send a request; returns the status, "closed" where there is none, or "hang".

    One that is not whole may leave the server waiting for more: then the client's side is closed.
    """
    try:
        with socket.create_connection(address, timeout=SECONDS if whole else SETTLED) as line:
            line.sendall(request)
            try:
                answer = line.recv(65536)
            except TimeoutError:
                if whole:
                    return "hang"
                line.settimeout(SECONDS)
                line.shutdown(socket.SHUT_WR)
                answer = line.recv(65536)
    except TimeoutError:
        return "hang"
    except OSError:
        return "closed"
    found = re.match(rb"HTTP/1\.1 (\d+)", answer)
    return found[1].decode() if found else "closed"


def known_rows(http: httpx2.Client) -> dict[str, str]:
    """Make a row of each kind that a path can name; returns their ids."""
    project = http.post("/api/v1/projects", json={"idea": "a castle", "shots": 2, "seconds": 1.0}).json()
    shot = project["shots"][0]["id"]
    job = http.post(f"/api/v1/shots/{shot}/takes", json={"count": 2}).json()["id"]
    take = http.get(f"/api/v1/shots/{shot}/takes").json()[0]["id"]
    return {"project": project["id"], "shot": shot, "job": job, "take": take, "name": "comic", "digest": "0" * 64}


def memory(process: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def fuzz(home: Path, tries: int, seed: int) -> dict[str, Any]:
    """Send so many requests; returns the tally."""
    data, log, chance = home / "data", home / "log", random.Random(seed)
    data.mkdir()
    command = [sys.executable, "-m", "sakuga", "studio", "--port", "0"]
    with log.open("wb") as written:
        server = subprocess.Popen(command, env={**os.environ, "SAKUGA_HOME": str(data)}, stdout=written, stderr=subprocess.STDOUT, cwd=data)
    try:
        while not (found := re.search(r"http://\S+", log.read_text())):
            time.sleep(0.1)
        place = urlsplit(found[0])
        statuses, slowest = Counter[str](), 0.0
        with httpx2.Client(base_url=found[0], timeout=120) as http:
            http.patch("/api/v1/queue", json={"paused": True}).raise_for_status()
            requests = Requests(http.get("/api/v1/openapi.json").json(), known_rows(http), place.netloc, chance)
            for number in range(tries):
                if number % PAUSE_EVERY == 0:
                    http.patch("/api/v1/queue", json={"paused": True}).raise_for_status()
                (request, whole), began = requests.next(), time.monotonic()
                status = answered((place.hostname or "", place.port or 0), request, whole)
                statuses[status] += 1
                slowest = max(slowest, time.monotonic() - began)
                if status in ("500", "hang"):
                    print(f"{status}: {request[:2000]!r}", file=sys.stderr, flush=True)
        return {
            "tries": tries,
            "answers": dict(sorted(statuses.items())),
            "hangs": statuses["hang"],
            "faults": statuses["500"],
            "tracebacks": log.read_text(errors="replace").count("Traceback"),
            "server_ended": server.poll() is not None,
            "files_outside": sorted(path.name for path in home.iterdir() if path.name not in ("data", "log")),
            "slowest_s": round(slowest, 2),
            "server_mb": memory(server.pid),
        }
    finally:
        server.terminate()
        server.wait()
        print(log.read_text(errors="replace")[-4000:], file=sys.stderr)


def main() -> None:
    """Print the tally as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        print(json.dumps(fuzz(Path(folder), given.tries, given.seed), indent=1))


if __name__ == "__main__":
    main()
