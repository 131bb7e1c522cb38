#!/bin/sh
# House rules that a compiler does not know. Silent when all is well.
cd "$(dirname "$0")/.." || exit 1
fail=0
bad() { echo "$1" >&2; fail=1; }

# 1. Third-party headers: only in the files named for them.
while read -r hdr allowed; do
    [ -n "$hdr" ] || continue
    for f in $(grep -rlE "#include <$hdr>" common fcgi train); do
        case " $allowed " in *" $f "*) ;; *) bad "$f: <$hdr> belongs in $allowed";; esac
    done
done <<'R'
cjson/cJSON.h common/base/json.c
cJSON.h none
utf8proc.h common/forecast/fold.c
sodium.h common/base/digest.c fcgi/auth.c
fcgiapp.h fcgi/worker.c
jwt.h fcgi/token.c
sqlite3.h fcgi/store_sqlite.c
libpq-fe.h fcgi/store_pg.c
curl/curl.h common/forecast/mlflow.c
immintrin.h common/trees/evaluate_avx2_rows.c common/trees/evaluate_avx512_bins.c common/trees/evaluate_avx512_rows.c common/trees/evaluate_avx512_one.c train/row_moves_avx512.c train/row_walk_avx512.c
R
for f in $(grep -rlE '#include <omp.h>|#pragma omp' common fcgi); do bad "$f: OpenMP belongs in train/"; done

# 2. Direction of inclusion: base < trees, forecast < programs; the programs do not know each other.
grep -rnE '#include "(fcgi|train)/' common && bad "common/ must not include fcgi/ or train/"
grep -rnE '#include "common/(trees|forecast)/' common/base && bad "common/base must include only itself"
grep -rnE '#include "common/forecast/' common/trees && bad "common/trees must not include common/forecast"
grep -rnE '#include "common/base/' common/trees | grep -vE '/(err|arena|text|json)\.h"' && bad "common/trees may use err, arena, text, json only"
grep -rnE '#include "train/' fcgi && bad "fcgi/ must not include train/"
grep -rnE '#include "fcgi/' train && bad "train/ must not include fcgi/"

# 3. Calls with a safer form.
grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atof|atol|strncpy|gmtime|localtime|rand)\(' \
    --include='*.[ch]' common fcgi train && bad "banned call"
# 4. SQL and HTML have folders of their own.
grep -rnE '"(SELECT|INSERT|UPDATE|DELETE|CREATE) ' --include='*.c' common fcgi train && bad "SQL in C"
grep -rnE '<(html|body|script)\b' --include='*.c' common fcgi train && bad "HTML in C"
# 5. Comments have one form; sizes and names.
grep -rnE '(^|[^:"])//[^"]*$' --include='*.[ch]' common fcgi train | grep -vE '://|^common/trees/mercredi.h:' && bad "// comment"
find common fcgi train -name '*.[ch]' -printf '%f\n' | grep -vx main.c | sort | uniq -d | grep . && bad "file name used twice"
find common fcgi train tests -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 800 {print $2 ": " $1; x = 1} END {exit !x}' && bad "file over 800 lines"
# 6. The public header repeats the error block of err.h.
block() { sed -n '/#ifndef MRC_ERR_DEFINED/,/#endif/p' "$1"; }
[ "$(block common/base/err.h)" = "$(block common/trees/mercredi.h)" ] || bad "mercredi.h: error block differs from common/base/err.h"
# 7. Nothing of this machine.
git ls-files | grep -vE "^tests/lint.sh$" | xargs -r grep -d skip -nE '/(home|work)/[a-z]' && bad "machine path"
exit $fail
