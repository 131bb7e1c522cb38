#!/usr/bin/env python3
"""Odd requests to POST /predict: odd_bodies.py URL TOKEN [-v]. Counts the answers by status; a server is right when none
is a 5xx, none is missing, and it still predicts afterwards. Plain Python 3. Prints one JSON line; exit status 1 when one
of these does not hold."""
import http.client
import json
import os
import sys
import time
import urllib.parse

FILM = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "film.json"), encoding="utf-8"))


def text(film):
    return json.dumps(film, ensure_ascii=False).encode()


def having(**fields):
    return text({**FILM, **fields})


def raw(field, value):  # value: JSON text, right or wrong
    marked = json.dumps({**FILM, field: "\x01"}, ensure_ascii=False).replace('"\\u0001"', "\x01")
    return marked.encode().replace(b"\x01", value if isinstance(value, bytes) else value.encode())


def bodies():
    good = text(FILM)
    yield "good", good
    for field in ("screens", "duration_min", "budget"):
        for value in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e308", "5e-324", "-0", "0", "-1", "0.1", "1.5",
                      "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + 400 * "0", "0x10", "01",
                      "1.", ".5", "+1", "1e", '"12"', '""', "true", "null", "[]", "{}", "[1]"):
            yield f"{field} {value[:12]}", raw(field, value)
    for field in ("title", "distributor", "age_rating", "release_date", "film_id"):
        for value in ('""', '" "', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\uFFFE"', b'"\xff"', b'"\xc0\xaf"',
                      b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\x00"', b'"\n"', '"\\x"', '"\\u12"', '"a', "5", "null", "[]",
                      "{}", '"' + 3000 * "x" + '"', '"\u202eabc"', '"' + 60 * "\U0001F600" + '"', "\"'; DROP TABLE x; --\"",
                      '"<script>alert(1)</script>"', '"\\r\\nX-Evil: 1"', '"%n%s%99999999d"'):
            yield f"{field} {value[:12]!r}", raw(field, value)
    for field in ("genres", "countries", "directors", "actors"):
        for value in ('"Drame"', "[]", "[null]", "[1]", '[""]', "[[]]", "[{}]", '["a","a"]', "[" + ",".join(50 * ['"x"']) + "]",
                      "[" + ",".join(20000 * ['"x"']) + "]", 100 * "[" + 100 * "]", 10000 * "[" + 10000 * "]"):
            yield f"{field} {value[:12]}", raw(field, value)
    for day in ("2026-02-29", "2026-02-30", "2026-13-01", "0000-01-01", "9999-12-31", "1-1-1", "2026-3-4", "20260304",
                "2026-03-04T00:00:00", "2026-03-04" + 5000 * "0", "-2026-03-04", "+2026-03-04", "２０２６-03-04"):
        yield f"day {day[:12]}", having(release_date=day)
    for name in FILM:
        film = dict(FILM)
        del film[name]
        yield f"no {name}", text(film)
    yield from (("empty", b""), ("blank", b" "), ("null", b"null"), ("list", b"[]"), ("object", b"{}"), ("number", b"5"),
                ("text", b'"x"'), ("cut", good[:-10]), ("more", good + b"x"), ("twice", good + good), ("comma", good[:-1] + b",}"),
                ("single quotes", good.replace(b'"', b"'")), ("comment", b"/*x*/" + good), ("mark", b"\xef\xbb\xbf" + good),
                ("utf-16", good.decode().encode("utf-16")), ("latin-1", good.decode().encode("latin-1")),
                ("same key", good[:-1] + b',"title":"other"}'), ("unknown key", having(foo=1)), ("empty key", having(**{"": 1})),
                ("__proto__", having(__proto__={"x": 1})), ("nested lists", 1000000 * b"["), ("megabyte title", having(title=1000000 * "x")),
                ("nested objects", 180000 * b'{"a":' + b"1" + 180000 * b"}"), ("many keys", b"{" + b",".join(b'"k%d":1' % i for i in range(80000)) + b"}"),
                ("many values", raw("genres", "[" + 400000 * "1," + "1]")), ("ten megabytes", good + 10000000 * b" "),
                ("no films", b'{"films":[]}'), ("films text", b'{"films":"x"}'), ("films null", b'{"films":[null]}'),
                ("films nested", b'{"films":[{"films":[]}]}'), ("one bad of two", b'{"films":[' + good + b',{"title":7}]}'),
                ("films and more", b'{"films":[' + good + b'],"title":"x"}'), ("100 empty", b'{"films":[' + b",".join(100 * [b"{}"]) + b"]}"),
                ("2000 films", b'{"films":[' + b",".join(2000 * [good]) + b"]}"))


def others(token):
    good = text(FILM)
    for name, headers in (("no token", {"Authorization": None}), ("basic", {"Authorization": "Basic eDp5"}), ("no words", {"Authorization": ""}),
                          ("bearer alone", {"Authorization": "Bearer "}), ("three dots", {"Authorization": "Bearer a.b.c"}),
                          ("none", {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."}), ("long", {"Authorization": "Bearer " + 6000 * "a"}),
                          ("longer", {"Authorization": "Bearer " + 60000 * "a"}), ("other end", {"Authorization": f"Bearer {token[:-3]}AAA"}),
                          ("text/plain", {"Content-Type": "text/plain"}), ("no type", {"Content-Type": None}), ("odd type", {"Content-Type": ";;=,"}),
                          ("utf-7", {"Content-Type": "application/json; charset=utf-7"}), ("gzip", {"Content-Encoding": "gzip"}),
                          ("csv", {"Content-Type": "text/csv"}), ("form", {"Content-Type": "application/x-www-form-urlencoded"}),
                          ("multipart", {"Content-Type": "multipart/form-data"}), ("accept", {"Accept": 300 * "a/b;q=0.1,"}),
                          ("many headers", {f"X-H{i}": "x" for i in range(60)}), ("host", {"Host": "a b"})):
        yield name, "POST", "/predict", good, headers
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "x"):
        yield "method " + method, method, "/predict", None, {}
    for query in ("?level=", "?level=0.8&level=9", "?level=%", "?explain=%00", "?explain=maybe", "?" + 3000 * "a", "?=&=&&"):
        yield "query " + query[:12], "POST", "/predict" + query, good, {}


def ask(where, token, method, path, body, headers):
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    start = time.monotonic()
    try:
        sent = {"Content-Type": "application/json", "Authorization": "Bearer " + token, **headers}
        connection.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - start
    except (OSError, http.client.HTTPException) as why:
        return type(why).__name__, time.monotonic() - start
    finally:
        connection.close()


def main():
    where, token = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
    cases = [(name, "POST", "/predict", body, {}) for name, body in bodies()] + list(others(token))
    counts, bad, slowest = {}, [], (0, "")
    for name, method, path, body, headers in cases:
        status, seconds = ask(where, token, method, path, body, headers)
        counts[str(status)] = counts.get(str(status), 0) + 1
        slowest = max(slowest, (seconds, name))
        # A server may close on a body it does not want to read, or on a header it cannot parse: that is no fault of it.
        excused = name in ("ten megabytes", "longer", "host", "2000 films") and isinstance(status, str)
        if isinstance(status, int) and status >= 500 and not (status == 501 and method in ("PROPFIND", "x", "TRACE")) \
                or isinstance(status, str) and not excused:
            bad.append(f"{name}: {status}")
        if "-v" in sys.argv[3:]:
            print(f"{name:30} {status} {seconds * 1000:8.1f} ms", file=sys.stderr)
    after, _ = ask(where, token, "POST", "/predict", text(FILM), {})
    print(json.dumps({"requests": len(cases), "status": dict(sorted(counts.items())), "bad": bad, "after": after,
                      "slowest_ms": round(slowest[0] * 1000, 1), "slowest": slowest[1]}, ensure_ascii=False))
    sys.exit(0 if not bad and after == 200 else 1)


if __name__ == "__main__":
    main()
