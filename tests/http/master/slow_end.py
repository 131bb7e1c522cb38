"""A FastCGI web server that sends the end of a request's body a moment after the body: slow_end.py SOCKET TIMES. Fails when
the application closes before it has read that, or answers anything but 4xx."""
import socket
import struct
import sys
import time

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def record(kind, content=b""):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def pair(name, value):
    return struct.pack("BB", len(name), len(value)) + name + value


def read(f, n):
    data = f.read(n)
    if len(data) != n:
        raise SystemExit("the connection was closed before the answer's end")
    return data


def ask(path):
    body = b"grant_type=none"
    params = b"".join(pair(k, v) for k, v in [
        (b"REQUEST_METHOD", b"POST"), (b"REQUEST_URI", b"/token"), (b"SCRIPT_NAME", b"/token"), (b"REMOTE_ADDR", b"127.0.0.1"),
        (b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"HTTP_HOST", b"localhost"),
        (b"CONTENT_TYPE", b"application/x-www-form-urlencoded"), (b"CONTENT_LENGTH", b"%d" % len(body))])
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        s.sendall(record(BEGIN, struct.pack(">HB5x", 1, 0)) + record(PARAMS, params) + record(PARAMS) + record(STDIN, body))
        time.sleep(0.1)
        s.sendall(record(STDIN))  # EPIPE when the application has gone
        answer, kind = b"", 0
        with s.makefile("rb") as f:
            while kind != END:
                _, kind, _, n, padding, _ = struct.unpack(">BBHHBB", read(f, 8))
                content = read(f, n + padding)[:n]
                answer += content if kind == STDOUT else b""
    if not answer.startswith(b"Status: 4"):
        raise SystemExit("answered %r" % answer[:200])


for _ in range(int(sys.argv[2])):
    ask(sys.argv[1])
