#!/usr/bin/env python3
"""A client that means no good: hostile.py CASE URL TOKEN [SECONDS]. Plain Python 3, raw sockets where HTTP libraries are
too polite. Prints what was wrong, one line each, and how much was tried; exit status 1 when anything was wrong.

  methods   every method on every route of the OpenAPI document: never a 5xx, 405 names what is allowed
  paths     tricks in paths, ids and names of pages: never a 5xx, never a file from elsewhere
  nested    a megabyte of nested JSON, in several shapes: refused at once
  smuggle   requests that two parsers could cut in two ways: never more requests served than answers given
  slow      clients that take their time: others are answered meanwhile
  fuzz      SECONDS of random damage to all of these
"""
import http.client
import json
import os
import random
import re
import socket
import sys
import threading
import time
import urllib.parse

FILM = {"title": "Essai", "release_date": "2027-03-17", "genres": ["Comédie"], "countries": ["FR"], "screens": 412}
BODY = json.dumps(FILM, ensure_ascii=False).encode()
where, token, wrong, tried = None, "", [], 0


def complain(text):
    wrong.append(text)
    print("WRONG:", text[:400])


def ask(method, path, body=None, headers=None, timeout=30):
    global tried
    tried += 1
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"Host": "127.0.0.1", "Authorization": "Bearer " + token, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            sent.setdefault("Content-Length", str(len(body)))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    except (OSError, http.client.HTTPException, ValueError) as why:
        return type(why).__name__, {}, b""
    finally:
        connection.close()


def raw(data, patience=3.0, pieces=None):
    """What comes back for these bytes, until the server closes or is silent."""
    global tried
    tried += 1
    with socket.create_connection((where.hostname, where.port), timeout=10) as s:
        try:
            for piece in pieces or [data]:
                s.sendall(piece)
            s.settimeout(patience)
            got = b""
            while part := s.recv(65536):
                got += part
        except OSError:
            pass
        return got


def still_alive():
    status, _, _ = ask("POST", "/predict", BODY)
    if status != 200:
        complain(f"afterwards a good film gets {status}")


# ---- cases -----------------------------------------------------------------------------------------------------------

def methods():
    _, _, text = ask("GET", "/openapi.json")
    routes = json.loads(text)["paths"]
    arguments = {"name": "x", "id": "00000000-0000-7000-8000-000000000000", "version": "0001"}
    for path, known in sorted(routes.items()):
        filled = re.sub(r"\{(\w+)[^}]*\}", lambda m: arguments.get(m[1], "x1"), path)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G" * 40, "P0ST"):
            if method.lower() in known and method.isupper() and method in ("DELETE", "PUT", "PATCH", "POST") and path not in ("/predict",):
                body = b"{}"  # what changes something gets nothing it could use
            else:
                body = BODY if method in ("POST", "PUT", "PATCH") else None
            status, headers, _ = ask(method, filled, body)
            if not isinstance(status, int):
                if method not in ("CONNECT", "G" * 40):
                    complain(f"{method} {filled}: {status}")
            elif status >= 500 and status != 501 and not (status == 503 and method.lower() in known):
                complain(f"{method} {filled}: {status}")
            elif status == 405 and "Server" not in headers and "Allow" not in headers:
                complain(f"{method} {filled}: 405 without Allow")
            elif status == 200 and method not in ("OPTIONS", "HEAD", "TRACE") and method.lower() not in known and not (method == "get"):
                complain(f"{method} {filled}: 200, which the document does not know")


def paths():
    secret = re.compile(rb"root:|BEGIN |token\.key|\.db|mrc_|#include|/tmp/|SQLite")
    heads = ("/", "/assets/", "/predictions/", "/models/", "/docs/", "/users/", "/app/")
    tails = ("../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc\\passwd", "..;/..;/etc/passwd",
             "....//....//etc/passwd", "%252e%252e%252fetc%252fpasswd", "%c0%ae%c0%ae/etc/passwd", "%uff0e%uff0e/etc", "%00", "a%00.css", "a%0d%0aX-Evil:%201",
             "%", "%z", "%2", "//etc/passwd", "./.", ".", "..", ".git/config", "mercredi.conf", "token.key", "'; DROP TABLE predictions; --",
             "%27%20OR%201=1", "<script>alert(1)</script>", "a" * 3000, "a/" * 400, "%F0%9F%98%80", "%ff%fe", "~root", "*", "?", "#", "x?level=%00", "api.mjs/..",
             "api.mjs%2f..%2f..%2findex.html", "API.MJS", "api.mjs ", "api.mjs::$DATA", "con", "00000000-0000-7000-8000-00000000000g")
    for head in heads:
        for tail in tails:
            data = f"GET {head}{tail} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode("utf-8", "surrogateescape")
            got = raw(data)
            head_text, _, body = got.partition(b"\r\n\r\n")
            status = head_text[9:12]
            if status[:1] not in (b"2", b"3", b"4"):
                complain(f"GET {head}{tail[:60]}: {status or got[:40]!r}")
            elif secret.search(body) and b"<!doctype html" not in body[:200].lower() and status == b"200":
                complain(f"GET {head}{tail[:60]}: {body[:80]!r}")
            elif b"\nX-Evil" in head_text:
                complain(f"GET {head}{tail[:60]}: a header of the client's making")


def nested():
    n = 1_000_000
    shapes = {"lists": b"[" * n, "objects": b'{"a":' * (n // 5), "both": b'[{"a":' * (n // 6), "closed": b"[" * (n // 2) + b"]" * (n // 2),
              "in a field": b'{"title":"x","genres":' + b"[" * (n // 2) + b"]" * (n // 2) + b"}", "films": b'{"films":' * (n // 9), "keys": b'{"' + b"a" * n + b'":1}',
              "escapes": b'{"title":"' + b"\\u0000" * (n // 6) + b'"}', "blanks": b" " * n, "minus": b"-" * n, "numbers": b"[" + b"1," * (n // 2) + b"1]"}
    for name, body in shapes.items():
        for path in ("/predict", "/token", "/outcomes", "/invocations", "/v2/models/first-week/infer", "/allocate"):
            start = time.monotonic()
            status, _, text = ask("POST", path, body[:1048576])
            if not isinstance(status, int) or not 400 <= status < 500:
                complain(f"nested {name} to {path}: {status}")
            if len(text) > 2_000_000:
                complain(f"nested {name} to {path}: {len(text)} bytes of answer")
            if time.monotonic() - start > 10:
                complain(f"nested {name} to {path}: {time.monotonic() - start:.1f} s")


def smuggle(log):
    inner = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: inner-%d\r\n\r\n"
    shapes = [  # header lines, and how the body is cut
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n{inner}",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{inner}\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "Transfer-Encoding:\tchunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "Transfer-Encoding: xchunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "Transfer-Encoding: identity, chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "Transfer-Encoding\r\n : chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "X: y\rTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{inner}",
        "X: y\nTransfer-Encoding: chunked\nContent-Length: {length}\n\n0\r\n\r\n{inner}",
        "Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{inner}",
        "Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{inner}",
        "Content-Length: 0, {length}\r\n\r\n{inner}",
        "Content-Length: +{length}\r\n\r\n{inner}",
        "Content-Length: 0x10\r\n\r\n{inner}",
        "Content-Length: -1\r\n\r\n{inner}",
        "Content-Length: {length} 0\r\n\r\n{inner}",
        "Content-Length: 18446744073709551616\r\n\r\n{inner}",
        "Content_Length: {length}\r\nContent-Length: 0\r\n\r\n{inner}",
        "Content-Length : {length}\r\n\r\n{inner}",
        "Transfer-Encoding: chunked\r\n\r\n{size};a={inner}\r\n{inner}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{inner}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n{inner}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0x5\r\n{inner}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n{size}\n{inner}\n0\n\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: {length}\r\n\r\n{inner}",
        "Connection: Content-Length\r\nContent-Length: {length}\r\n\r\n{inner}",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: {length}\r\n\r\n{inner}",
        "Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{inner}",
    ]
    for i, shape in enumerate(shapes):
        text = inner % i
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nX-Request-Id: outer-{i}\r\n"
        data = (head + shape.format(inner=text, length=len(text), size=f"{len(text):x}")).encode()
        for pieces in ([data], [data[:len(data) - 20], data[len(data) - 20:]]):
            before = served(log, i)
            got = raw(None, pieces=pieces, patience=1.0)
            answers = len(re.findall(rb"HTTP/1\.1 (?!100)\d\d\d ", got))
            time.sleep(0.05)
            count = served(log, i) - before
            if count > answers:
                complain(f"shape {i} ({shape[:50]!r}): {count} requests served for {answers} answers: {got[:200]!r}")
            if re.search(rb"HTTP/1\.1 5(?!01)\d\d ", got):
                complain(f"shape {i} ({shape[:50]!r}): {got[:60]!r}")
            # The next client gets its own answer.
            status, headers, _ = ask("GET", "/livez", headers={"X-Request-Id": f"next-{i}"})
            if status != 200 or headers.get("X-Request-Id", headers.get("x-request-id")) != f"next-{i}":
                complain(f"after shape {i} another client got {status} for {headers.get('X-Request-Id')}")


def served(log, i):
    with open(log, "rb") as f:
        return len(re.findall(rb"req=(?:inner|outer)-%d " % i, f.read()))


def slow(seconds):
    stop = time.monotonic() + seconds
    partial = (f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(BODY)}\r\n\r\n").encode() + BODY

    def drip(n):  # a byte now and then; half of them never read
        try:
            with socket.create_connection((where.hostname, where.port), timeout=20) as s:
                for i in range(n % 100, len(partial) - 1):
                    s.sendall(partial[:i] if i == n % 100 else partial[i:i + 1])
                    time.sleep(0.2)
                    if time.monotonic() > stop:
                        return
        except OSError:
            pass  # a server may lose its patience

    clients = [threading.Thread(target=drip, args=(n,), daemon=True) for n in range(100)]
    for c in clients:
        c.start()
    worst = 0.0
    while time.monotonic() < stop:
        start = time.monotonic()
        status, _, _ = ask("POST", "/predict", BODY)
        worst = max(worst, time.monotonic() - start)
        if status != 200:
            complain(f"beside slow clients: {status}")
        time.sleep(0.05)
    if worst > 5:
        complain(f"beside slow clients an answer took {worst:.1f} s")


def fuzz(seconds, seed):
    rng, stop = random.Random(seed), time.monotonic() + seconds
    routes = ["/predict", "/token", "/users/me", "/predictions", "/schema", "/models", "/openapi.json", "/outcomes", "/films", "/suggest?field=actors&q=a",
              "/invocations", "/allocate", "/readyz?verbose", "/metrics", "/", "/revoke", "/v2/models/first-week/infer", "/cinemas", "/monitoring"]
    forms = [BODY, b'{"films":[' + BODY + b"," + BODY + b"]}", b"username=a&password=b&grant_type=password", b"title,release_date\nx,2027-03-17\n", b"[]"]
    types = ["application/json", "application/x-www-form-urlencoded", "text/csv", "", "application/json;charset=x"]
    while time.monotonic() < stop:
        body = bytearray(rng.choice(forms))
        for _ in range(rng.choice((0, 0, 1, 3, 20))):
            i = rng.randrange(len(body) + 1)
            body[i:i + rng.randrange(3)] = bytes(rng.randrange(256) for _ in range(rng.randrange(4)))
        headers = {"Content-Type": rng.choice(types)}
        if rng.random() < 0.2:
            headers["Authorization"] = rng.choice(("", "Bearer", "Basic eDp5", "Bearer " + token[:-5] + "xxxxx", "Bearer " + "a" * rng.randrange(9000)))
        if rng.random() < 0.2:
            headers[rng.choice(("Accept", "Idempotency-Key", "traceparent", "If-None-Match", "Origin", "X-Request-Id", "Content-Encoding"))] = \
                "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(1, 80)))
        method = rng.choice(("POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH"))
        path = rng.choice(routes) + rng.choice(("", "", "", "?explain=true", "?level=0.9", "/x", "?" + urllib.parse.quote(bytes(rng.randrange(256) for _ in range(8)))))
        status, _, text = ask(method, path, bytes(body), headers)
        if isinstance(status, int) and (status == 500 or status == 502 or status > 503):
            complain(f"{method} {path} {bytes(body)[:80]!r}: {status} {text[:80]!r}")


def main():
    global where, token
    case, url, token = sys.argv[1:4]
    where = urllib.parse.urlsplit(url)
    if case == "smuggle":
        smuggle(sys.argv[4])
    elif case == "slow":
        slow(float(sys.argv[4]))
    elif case == "fuzz":
        fuzz(float(sys.argv[4]), os.environ.get("SEED", "1"))
    else:
        {"methods": methods, "paths": paths, "nested": nested}[case]()
    still_alive()
    print(f"{case}: {tried} requests, {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
