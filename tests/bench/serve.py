#!/usr/bin/env python3
"""Serving benchmark: serve.py BUILD_FOLDER WORK_FOLDER. One run, one machine: mercredi-fcgi under each web server that is
there, beside a FastAPI + CatBoost peer of the same contract (serve_peer.py). Both check a token, validate the film and
commit the prediction to SQLite (synchronous=FULL) before they answer.

Everything is measured in ROUNDS rounds of SECONDS, the systems in turn; what is compared are the rounds' ratios (their
median), because the machine's speed may drift. CPU time is that of all processes of a system, its web server included.
Prints a JSON line a case: what was measured, the floor and the goal it is held against, and whether they are met.
"""
import json
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

BUILD, WORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ROUNDS, SECONDS = int(os.environ.get("ROUNDS", "3")), float(os.environ.get("SECONDS", "4"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "32"))
WANTED = os.environ.get("SERVE_CASES", "single rate batch memory start bodies storm off")
FILM, PASSWORD = os.path.join(HERE, "film.json"), "some-password-1"
RATE = os.path.join(BUILD, "tests/bench/rate")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
median = statistics.median


def log(text):
    print("bench-serve:", text, file=sys.stderr, flush=True)


def report(case, **figures):
    print(json.dumps({"case": case, **{k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}}), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- processes -------------------------------------------------------------------------------------------------------

def tree(pid):
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in f.read().split():
                    found += tree(int(child))
    except OSError:
        pass
    return found


def cpu_s(pids):
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def memory_mb(pid, *names):  # sum of these fields of smaps_rollup
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return sum(int(line.split()[1]) for line in f if line.split(":")[0] in names) / 1024
    except OSError:
        return 0.0


def named(pids, name):
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() == name:
                    found.append(pid)
        except OSError:
            pass
    return found


children = []


def spawn(command, preexec_fn=None, **env):
    p = subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, close_fds=preexec_fn is None, preexec_fn=preexec_fn,
                         stdout=open(os.path.join(WORK, "servers.log"), "a"), stderr=subprocess.STDOUT, cwd=ROOT)
    children.append(p)
    return p


def stop(p):
    p.terminate()
    try:
        p.wait(15)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
    if p in children:
        children.remove(p)


def get(url):
    try:
        with opener.open(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code
    except OSError:
        return 0


def ask_application(path):
    """The status of GET /readyz at a FastCGI socket, without a web server between; 0: nobody answers."""
    def record(kind, content):
        return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content
    parameters = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/readyz", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        try:
            s.connect(path)
            s.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, b"".join(bytes([len(k), len(v)]) + k.encode() + v.encode()
                                                                                for k, v in parameters.items())) + record(4, b"") + record(5, b""))
            found = re.search(rb"Status: (\d+)", b"".join(iter(lambda: s.recv(65536), b"")))
        except OSError:
            return 0
    return int(found[1]) if found else 0


def until_200(what, ask, limit_s=60):
    start = time.monotonic()
    while ask(what) != 200:
        if time.monotonic() - start > limit_s:
            sys.exit(f"bench-serve: {what} never answered 200; see {WORK}/servers.log")
        time.sleep(0.002)


def until_ready(url):
    until_200(url, get)


def login(url):
    form = f"username=bench&password={PASSWORD}".encode()
    with opener.open(urllib.request.Request(url + "/token", form), timeout=30) as answer:
        return json.load(answer)["access_token"]


# ---- systems ---------------------------------------------------------------------------------------------------------

class System:
    """One server as a client sees it: its address, a token, and the processes that are its cost."""

    def __init__(self, name, url, roots):
        self.name, self.url, self.roots = name, url, roots
        until_ready(url + "/readyz")
        self.token = login(url)

    def pids(self):
        return [pid for root in self.roots for pid in tree(root().pid)]


class Application:
    """A master with its state; the web servers in front of it share it."""

    def __init__(self, name, **settings):
        self.folder = os.path.join(WORK, name)
        self.config = os.path.join(self.folder, "mercredi.conf")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "run"))
        lines = {"socket": f'"{self.folder}/run/mercredi.sock"', "run_dir": f'"{self.folder}/run"', "state_dir": f'"{self.folder}"',
                 "models_dir": f'"{ROOT}/models"', "logins_per_minute": 0, "rate_per_minute": 0, "token_lifetime": "12h",
                 "log_level": "warn", **settings}
        with open(self.config, "w") as f:
            f.writelines(f"{k} = {v}\n" for k, v in lines.items())
        subprocess.run([os.path.join(BUILD, "mercredi-fcgi"), "user", "add", "bench", "--scopes", "predict", "--password-stdin",
                        "--config", self.config], input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self, held=None):
        """held: a listening socket to take over, as from a service manager that keeps it while the application is away."""
        command = [os.path.join(BUILD, "mercredi-fcgi"), "serve", "--config", self.config]
        if held is None:
            self.master = spawn(command)
        else:
            self.master = spawn(["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", *command], lambda: os.set_inheritable(os.dup2(held.fileno(), 3), True))

    def behind(self, front):
        port, env = free_port(), {}
        if front == "apache":
            with open(os.path.join(ROOT, "deploy/apache.conf")) as f:
                other = [line[5:] for line in f if line.startswith("#    ")]
            env = {"FRONT_FILE": os.path.join(self.folder, "proxy.conf"), "APACHE_MORE_MODULES": "proxy proxy_fcgi"}
            with open(env["FRONT_FILE"], "w") as f:
                f.writelines(["<VirtualHost *:80>\nMaxKeepAliveRequests 0\n", *other, "</VirtualHost>\n"])
        p = spawn(["sh", os.path.join(ROOT, "deploy/front.sh"), front, "127.0.0.1", str(port), os.path.join(self.folder, "run"),
                   self.config, os.path.join(BUILD, "mercredi-fcgi")], **env)
        return System(front, f"http://127.0.0.1:{port}", [lambda: self.master, lambda: p])


def peer(log_mode, model):
    from argon2 import PasswordHasher
    port = free_port()
    p = spawn([sys.executable, "-m", "uvicorn", "serve_peer:app", "--app-dir", HERE, "--host", "127.0.0.1", "--port", str(port),
               "--workers", "2", "--no-access-log", "--log-level", "warning"], PEER_MODEL=model, PEER_LOG=log_mode,
              PEER_DB=os.path.join(WORK, f"peer-{port}.db"), PEER_USER="bench", PEER_HASH=PasswordHasher().hash(PASSWORD),
              PYTHONDONTWRITEBYTECODE="1")
    system = System("peer", f"http://127.0.0.1:{port}", [lambda: p])
    system.process = p
    return system


# ---- measuring -------------------------------------------------------------------------------------------------------

def wrk(system, path="/predict", body=FILM, connections=CONNECTIONS, seconds=SECONDS, **env):
    env = {**os.environ, "BENCH_TOKEN": system.token, **env}
    if body:
        env["BENCH_BODY"] = body
    pids = system.pids()
    before = cpu_s(pids)
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s", "-s", os.path.join(HERE, "wrk.lua"),
                          system.url + path], env=env, capture_output=True, text=True).stdout
    figures = json.loads(re.search(r"RESULT (\{.*\})", out)[1])
    figures["cpu_us"] = (cpu_s(pids) - before) * 1e6 / max(1, figures["n"])
    return figures


def rate(system, per_second, seconds=SECONDS, body=FILM, connections=64):
    token_file = os.path.join(WORK, f"token.{system.name}")
    with open(token_file, "w") as f:
        f.write(system.token)
    out = subprocess.run([RATE, "-r", str(per_second), "-d", str(seconds), "-c", str(connections), "-T", token_file, "-b", body,
                          system.url.rsplit(":", 1)[1], "/predict"], capture_output=True, text=True).stdout
    return json.loads(out)


def in_turn(systems, measure):
    """{name: [figures of each round]}, the systems taking turns within a round."""
    results = {s.name: [] for s in systems}
    for s in systems:
        measure(s, True)
    for turn in range(ROUNDS):
        for s in systems[turn % len(systems):] + systems[:turn % len(systems)]:
            results[s.name].append(measure(s, False))
    return results


def middle(rounds, key):
    return median(r[key] for r in rounds)


def ratio(ours, theirs, key):
    return median(a[key] / max(1e-9, b[key]) for a, b in zip(ours, theirs))


# ---- cases -----------------------------------------------------------------------------------------------------------

def case_single(fronts, rival):
    results = in_turn([*fronts, rival], lambda s, warm: wrk(s, seconds=1 if warm else SECONDS))
    for s in fronts:
        ours, theirs = results[s.name], results["peer"]
        faster, cpu = ratio(ours, theirs, "rps"), ratio(ours, theirs, "cpu_us")
        held = s.name != "apache"  # measured, not held to a floor
        report("single", front=s.name, rps=middle(ours, "rps"), peer_rps=middle(theirs, "rps"), ratio=faster,
               cpu_us=middle(ours, "cpu_us"), peer_cpu_us=middle(theirs, "cpu_us"), cpu_ratio=cpu,
               p50_ms=middle(ours, "p50_ms"), p99_ms=middle(ours, "p99_ms"), peer_p99_ms=middle(theirs, "p99_ms"),
               failed=sum(r["other"] + r["broken"] for r in ours), **({"floor": "ratio 4, cpu_ratio 0.25", "floor_met":
               faster >= 4 and cpu <= 0.25, "goal": "ratio 7, cpu_ratio 0.167", "goal_met": faster >= 7 and cpu <= 1 / 6} if held else {}))


def case_rate(fronts, rival):
    results = in_turn([*fronts, rival], lambda s, warm: rate(s, 1000, 1 if warm else SECONDS))
    for s in fronts:
        p99 = middle(results[s.name], "p99_ms")
        report("rate_1000", front=s.name, p50_ms=middle(results[s.name], "p50_ms"), p99_ms=p99, best_p99_ms=min(r["p99_ms"] for r in results[s.name]),
               peer_p50_ms=middle(results["peer"], "p50_ms"), peer_p99_ms=middle(results["peer"], "p99_ms"),
               failed=sum(r["begun"] - r["status"].get("200", 0) for r in results[s.name]),
               **({"floor": "p99 8 ms", "floor_met": p99 <= 8, "goal": "p99 2 ms", "goal_met": p99 <= 2} if s.name != "apache" else {}))


def case_batch(fronts, rival):
    with open(FILM) as f:
        film = f.read().strip()
    body = os.path.join(WORK, "batch.json")
    with open(body, "w") as f:
        f.write('{"films":[' + ",".join(100 * [film]) + "]}")
    results = in_turn([*fronts, rival], lambda s, warm: wrk(s, body=body, connections=16, seconds=1 if warm else SECONDS))
    for s in fronts:
        ours = results[s.name]
        rows = middle(ours, "rps") * 100
        report("batch_100", front=s.name, rows_s=rows, peer_rows_s=middle(results["peer"], "rps") * 100, ratio=ratio(ours, results["peer"], "rps"),
               cpu_us_row=middle(ours, "cpu_us") / 100, p99_ms=middle(ours, "p99_ms"), failed=sum(r["other"] + r["broken"] for r in ours),
               **({"floor": "50000 rows/s", "floor_met": rows >= 50000, "goal": "150000 rows/s", "goal_met": rows >= 150000} if s.name != "apache" else {}))


def case_memory(application, rival):
    workers = named(tree(application.master.pid), "mrc-worker")
    private = [memory_mb(p, "Private_Dirty", "Private_Clean") for p in workers]
    report("memory", worker_private_mb=max(private), workers=len(workers), all_pss_mb=sum(memory_mb(p, "Pss") for p in tree(application.master.pid)),
           peer_pss_mb=sum(memory_mb(p, "Pss") for p in rival.pids()), floor="15 MB a worker", floor_met=max(private) <= 15)


def case_start(application, front, model):
    """From the command to the first 200 of /readyz, 5 times each: asked at the socket; through the web server while somebody
    holds the socket (mercredi.socket), so that requests wait in its queue; and, for the record, while nobody does: lighttpd
    then leaves the application alone for a second or two, however soon it is back."""
    path = os.path.join(application.folder, "run/mercredi.sock")
    held = None

    def times(what, ask):
        took = []
        for _ in range(5):
            stop(application.master)
            start = time.monotonic()
            application.start(held)
            until_200(what, ask)
            took.append((time.monotonic() - start) * 1000)
        return took
    own, unheld = times(path, ask_application), times(front.url + "/readyz", get)
    stop(application.master)
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(path)
        held.listen(1024)
        front_held = times(front.url + "/readyz", get)
        stop(application.master)
    os.unlink(path)
    application.start()
    start = time.monotonic()
    again = peer("full", model)
    worst = max(median(own), median(front_held))
    report("start", socket_ms=median(own), best_socket_ms=min(own), front_ms=median(front_held), best_front_ms=min(front_held),
           unheld_front_ms=median(unheld), peer_ms=(time.monotonic() - start) * 1000, floor="200 ms", floor_met=worst <= 200)
    stop(again.process)


def case_bodies(fronts, rival):
    for s in [*fronts, rival]:
        out = subprocess.run([sys.executable, os.path.join(HERE, "odd_bodies.py"), s.url, s.token], capture_output=True, text=True).stdout
        figures = json.loads(out)
        failed = sum(n for status, n in figures["status"].items() if status >= "500" and status != "501")
        report("odd_bodies", front=s.name, requests=figures["requests"], status=figures["status"], failed=failed, slowest_ms=figures["slowest_ms"],
               bad=figures["bad"][:5], **({"floor": "0 x 5xx", "floor_met": not figures["bad"] and figures["after"] == 200} if s is not rival else {}))


def case_storm(fronts, rival):
    """32 clients log in without pause (a wrong password, so that each costs a hash) while /predict comes at 200/s."""
    form = os.path.join(WORK, "login.txt")
    with open(form, "w") as f:
        f.write("username=bench&password=wrong-password")
    for s in [*fronts, rival]:
        for pause in ("0", "100"):
            quiet = rate(s, 200, 2)
            env = {**os.environ, "BENCH_BODY": form, "BENCH_TYPE": "application/x-www-form-urlencoded", "BENCH_PAUSE_MS": pause}
            storm = subprocess.Popen(["wrk", "-t1", "-c32", f"-d{SECONDS + 2:g}s", "--timeout", "20s", "-s", os.path.join(HERE, "wrk.lua"), s.url + "/token"],
                                     env=env, stdout=subprocess.PIPE, text=True)
            time.sleep(1)
            busy = rate(s, 200, SECONDS)
            made = json.loads(re.search(r"RESULT (\{.*\})", storm.communicate()[0])[1])
            report("token_storm", front=s.name, pause_ms=int(pause), logins_s=made["rps"], quiet_p99_ms=quiet["p99_ms"], p50_ms=busy["p50_ms"],
                   p99_ms=busy["p99_ms"], failed=busy["begun"] - busy["status"].get("200", 0),
                   **({"floor": "p99 20 ms", "floor_met": busy["p99_ms"] <= 20} if s.name in ("lighttpd", "nginx") else {}))


def case_off(application_fronts, front, model):
    """What the log and the token cost: without a log, and requests that need no token, or no film."""
    unlogged = Application("unlogged", log="off").behind(front.name)
    rival = peer("off", model)
    kinds = {"logged": lambda s: wrk(application_fronts), "unlogged": lambda s: wrk(unlogged), "peer_unlogged": lambda s: wrk(rival),
             "livez": lambda s: wrk(front, "/livez", None), "token_only": lambda s: wrk(front, "/users/me", None)}
    results = {k: [] for k in kinds}
    for _ in range(ROUNDS):
        for kind, measure in kinds.items():
            results[kind].append(measure(None))
    for kind, rounds in results.items():
        report("off_" + kind, front=front.name, rps=middle(rounds, "rps"), cpu_us=middle(rounds, "cpu_us"), p99_ms=middle(rounds, "p99_ms"))
    stop(rival.process)


def main():
    os.makedirs(WORK, exist_ok=True)
    fronts_there = [f for f in os.environ.get("FRONTS", "lighttpd nginx apache").split() if shutil.which("apache2" if f == "apache" else f)]
    model = os.path.join(WORK, "peer.cbm")
    if not os.path.exists(model):
        log("training the peer's model")
        subprocess.run([os.path.join(BUILD, "mercredi-train"), "sample", "--films", "6000", "--seed", "1", "--out", os.path.join(WORK, "peer.csv")], check=True)
        subprocess.run([sys.executable, os.path.join(HERE, "serve_peer.py"), "train", os.path.join(WORK, "peer.csv"), model], check=True)
    application = Application("logged")
    fronts = [application.behind(f) for f in fronts_there]
    rival = peer("full", model)
    cases = {"single": lambda: case_single(fronts, rival), "rate": lambda: case_rate(fronts, rival), "batch": lambda: case_batch(fronts, rival),
             "memory": lambda: case_memory(application, rival), "bodies": lambda: case_bodies(fronts, rival), "storm": lambda: case_storm(fronts, rival),
             "off": lambda: case_off(fronts[0], fronts[0], model), "start": lambda: case_start(application, fronts[0], model)}
    for name, run in cases.items():
        if name in WANTED.split():
            log(name)
            run()


def end(*_):
    sys.exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end)
    try:
        main()
    finally:
        for p in list(children):
            stop(p)
