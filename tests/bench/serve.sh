#!/bin/sh
# Serving benchmark: serve.sh BUILD_FOLDER. Skips, saying so, without the tools. SERVE_CASES="single storm" chooses, FRONTS,
# ROUNDS, SECONDS, CONNECTIONS as in serve.py.
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
export PATH
python=${MERCREDI_PY:-python3}
command -v wrk >/dev/null 2>&1 || { echo "SKIP: bench-serve: no wrk"; exit 0; }
command -v lighttpd >/dev/null 2>&1 || command -v nginx >/dev/null 2>&1 || { echo "SKIP: bench-serve: neither lighttpd nor nginx"; exit 0; }
for m in fastapi uvicorn uvloop httptools orjson jwt argon2 multipart catboost; do
    "$python" -c "import $m" 2>/dev/null ||
        { echo "SKIP: bench-serve: $python has no $m (pip install -r tests/bench/requirements.txt; MERCREDI_PY names another Python)"; exit 0; }
done
exec "$python" tests/bench/serve.py "$1" build/bench/serve
