#!/bin/sh
# Is a deployment healthy? Usage: MERCREDI_PASSWORD=… tests/smoke.sh URL USER
# Logs in, predicts, reads the prediction back, and meets the errors a client relies on. Needs curl alone. Leaves one
# prediction in the log. Exit status 0: healthy.
url=${1%/} user=$2
if [ -z "$url" ] || [ -z "$user" ] || [ -z "$MERCREDI_PASSWORD" ]; then
    echo "usage: MERCREDI_PASSWORD=… $0 URL USER" >&2
    exit 2
fi
bad=0
ok() { echo "ok      $1"; }
bad() { echo "FAILED  $1: $2" >&2; bad=1; }
# request EXPECTED_STATUS NAME curl-arguments…: leaves the body in $body
request() {
    expected=$1 name=$2; shift 2
    answer=$(curl -sS --max-time 20 -w '\n%{http_code}' "$@" 2>&1)
    code=${answer##*
}
    body=${answer%
*}
    case $code in
    "$expected") ok "$name" ;;
    *) bad "$name" "status $code in place of $expected: $(printf '%.300s' "$body")"; return 1 ;;
    esac
}
member() { printf '%s' "$body" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }

request 200 "alive" "$url/livez" || exit 1
request 200 "ready: store, log and model" "$url/readyz?verbose"
request 200 "schema without a token" "$url/schema"
request 200 "OpenAPI document" "$url/openapi.json"
request 401 "no prediction without a token" -d '{}' -H 'Content-Type: application/json' "$url/predict"
request 401 "a wrong password is refused" -d 'username=nobody-of-that-name' -d 'password=wrong' "$url/token"
# The password goes to curl through its standard input: arguments can be seen by others on the machine.
escaped() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
login=$(printf 'data-urlencode = "username=%s"\ndata-urlencode = "password=%s"\n' "$(escaped "$user")" \
    "$(escaped "$MERCREDI_PASSWORD")")
request 200 "log in" -K - "$url/token" <<L
$login
L
token=$(member access_token)
[ -n "$token" ] || { bad "log in" "no access_token in the answer"; exit 1; }
auth="Authorization: Bearer $token"
json='Content-Type: application/json'
request 422 "an empty film is refused field by field" -H "$auth" -H "$json" -d '{}' "$url/predict"
if request 200 "predict" -H "$auth" -H "$json" "$url/predict" -d '{"title": "Essai", "release_date": "2027-03-17",
    "genres": ["Comédie"], "countries": ["FR"], "duration_min": 104, "screens": 412}'; then
    id=$(member prediction_id) admissions=$(member admissions) low=$(member low) high=$(member high)
    if [ "${low:-1}" -le "${admissions:-0}" ] && [ "$admissions" -le "${high:-0}" ]; then
        ok "admissions $admissions in [$low, $high]"
    else
        bad "predict" "admissions $admissions not in [$low, $high]"
    fi
    request 200 "the prediction is in the log" -H "$auth" "$url/predictions/$id"
fi
[ $bad = 0 ] && echo "healthy" || echo "NOT healthy" >&2
exit $bad
