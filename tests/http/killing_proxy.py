"""Stand between a program and a server, and kill the program at one moment.

killing_proxy.py UPSTREAM N PID_FILE PORT_FILE: forward requests; when the Nth has been done by the server, kill -9 the
process named in PID_FILE instead of handing it the answer. Writes its port to PORT_FILE; ends after the killing, or on
TERM. N 0 kills nothing.
"""
import http.client
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

upstream, n, pid_file, port_file = urlsplit(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
seen = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        global seen
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        server = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
        server.request(self.command, self.path, body, headers)
        answer = server.getresponse()
        content = answer.read()
        seen += 1
        if seen == n:
            with open(pid_file) as f:
                os.kill(int(f.read()), signal.SIGKILL)
            os._exit(0)
        self.send_response(answer.status)
        for name in ("Content-Type",):
            if answer.headers.get(name):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def log_message(self, *args):
        print(seen, self.command, self.path, flush=True)


server = HTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".tmp", "w") as f:
    f.write(str(server.server_port))
os.rename(port_file + ".tmp", port_file)
server.serve_forever()
