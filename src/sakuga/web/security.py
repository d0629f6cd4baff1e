"""Who may ask: hosts, origins and the token."""

import hmac
from collections import deque
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from time import monotonic
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sakuga.web.errors import answer

COOKIE = "sakuga_token"
GUARDED = ("/api/", "/frames/", "/metrics")
"""Paths that need the token; the page itself holds no data."""
OPEN = "/api/v1/session"
"""Where a page brings the token."""
SAFE = ("GET", "HEAD", "OPTIONS")
MAX_FAILURES, WINDOW = 10, 60.0
"""Wrong tokens from one address within this many seconds; then it waits."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
"""For reports, which are complete pages with their styles inside."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server listens, and the token that other hosts need."""

    host: str = "127.0.0.1"
    token: str | None = None

    def allows_host(self, header: str) -> bool:
        """Check the Host header, so that no other site's name leads here (DNS rebinding)."""
        name = _host_name(header)
        return name in ("localhost", self.host) or is_loopback(name) or (self.token is not None and _is_address(name))

    def allows_origin(self, scheme: str, host: str, headers: Headers, method: str) -> bool:
        """Check that a request comes from the studio's own page, or from no page at all."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None:
            return origin == f"{scheme}://{host}"
        return site in (None, "same-origin", "none") or (method in SAFE and headers.get("sec-fetch-mode") == "navigate")

    def knows(self, token: str | None) -> bool:
        """Compare a token in constant time."""
        return self.token is None or (token is not None and hmac.compare_digest(token.encode(), self.token.encode()))


@dataclass(slots=True)
class Failures:
    """Wrong tokens by address."""

    times: dict[str, deque[float]] = field(default_factory=dict)

    def add(self, address: str) -> None:
        """Count a wrong token."""
        if len(self.times) > 10_000:
            self.times.clear()
        self.times.setdefault(address, deque(maxlen=MAX_FAILURES)).append(monotonic())

    def too_many(self, address: str) -> bool:
        """Return whether an address has to wait."""
        times = self.times.get(address)
        return times is not None and len(times) == MAX_FAILURES and monotonic() - times[0] < WINDOW


class Guard:
    """Refuses foreign hosts, origins and wrong tokens, and adds the security headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access, self._failures = app, access, Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        host, path = request.headers.get("host", ""), request.scope["path"]
        if not self._access.allows_host(host):
            return answer("forbidden", "this address does not belong to the studio: open the address that `sakuga studio` printed")
        if not self._access.allows_origin(request.scope["scheme"], host, request.headers, request.method):
            return answer("forbidden", "another site's page sent this request, and only the studio's own page may")
        return self._token_refusal(request, path)

    def _token_refusal(self, request: Request, path: str) -> Response | None:
        """Check the token; the printed address brings it once, and gets the cookie."""
        if self._access.token is None or path == OPEN:
            return self._session_refusal(request) if path == OPEN else None
        given = parse_qs(request.scope["query_string"].decode("latin-1")).get("token", [None])[0]
        if given is None and not path.startswith(GUARDED):
            return None
        address = request.client.host if request.client else ""
        if self._failures.too_many(address):
            return answer("too_many", "too many wrong tokens came from this address: wait a minute", headers={"retry-after": "60"})
        if self._access.knows(given or _token_of(request)):
            return with_cookie(RedirectResponse(path, 303), self._access) if given and not path.startswith(GUARDED) else None
        if given or _token_of(request):
            self._failures.add(address)
        return answer("unauthorized", "this studio needs its token: open the address that `sakuga studio` printed")

    def _session_refusal(self, request: Request) -> Response | None:
        address = request.client.host if request.client else ""
        if self._failures.too_many(address):
            return answer("too_many", "too many wrong tokens came from this address: wait a minute", headers={"retry-after": "60"})
        request.scope["token_failed"] = lambda: self._failures.add(address)
        return None


def with_cookie(response: Response, access: Access) -> Response:
    """Return a response that gives the browser the token."""
    response.set_cookie(COOKIE, access.token or "", httponly=True, samesite="strict", max_age=30 * 86400, path="/")
    return response


def is_loopback(host: str) -> bool:
    """Return whether a name stands for this machine alone."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _token_of(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    try:
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None


def _host_name(header: str) -> str:
    """Return the name in a Host header without its port; "" where there is none."""
    if set(header) & set("/@\\?# ,"):
        return ""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:  # brackets that hold no address
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
