"""Stand between a program and a server, and kill the program at one moment.

killing_proxy.py UPSTREAM N PID_FILE PORT_FILE: forward requests; when the Nth has been done by the server, kill -9 the
process named in PID_FILE instead of handing it the answer. N "half:K": hand on the head and half of the body of the Kth,
then kill. Writes its port to PORT_FILE; ends after the killing, or on TERM. N 0 kills nothing.
AHEAD_FILE in the environment: seconds by which the Date of answers is ahead, read anew each time.
"""
import http.client
import os
import signal
import sys
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

upstream, pid_file, port_file = urlsplit(sys.argv[1]), sys.argv[3], sys.argv[4]
half, n = sys.argv[2].startswith("half:"), int(sys.argv[2].removeprefix("half:"))
ahead_file = os.environ.get("AHEAD_FILE")
seen = 0


def kill():
    with open(pid_file) as f:
        os.kill(int(f.read()), signal.SIGKILL)
    os._exit(0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        global seen
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        server = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
        if half and seen + 1 == n:
            server.putrequest(self.command, self.path, skip_host=False, skip_accept_encoding=True)
            for name, value in headers.items():
                server.putheader(name, value)
            server.endheaders(body[: len(body) // 2])
            time.sleep(0.2)  # the server has read it
            server.close()
            kill()
        server.request(self.command, self.path, body, headers)
        answer = server.getresponse()
        content = answer.read()
        seen += 1
        if seen == n and not half:
            kill()
        self.send_response(answer.status)
        for name in ("Content-Type",):
            if answer.headers.get(name):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def date_time_string(self, timestamp=None):
        ahead = int(open(ahead_file).read()) if ahead_file else 0
        return formatdate(time.time() + ahead, usegmt=True)

    def log_message(self, *args):
        print(seen, self.command, self.path, flush=True)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".tmp", "w") as f:
    f.write(str(server.server_port))
os.rename(port_file + ".tmp", port_file)
server.serve_forever()
