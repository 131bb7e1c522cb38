#!/bin/sh
# The shipped bundle holds no single film: no vocabulary entry and no row of a target statistic stands for fewer than
# three, no field of a film that could name it, self-test rows and examples are invented. Copies of the bundle in which
# one of these is planted must be found out, so that the scan cannot pass by looking at nothing.
# Usage: tests/golden/bundle_private.sh [BUNDLE]. Plain Python 3.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
bundle=${1:-models/first-week/$(readlink models/first-week/current 2>/dev/null || echo 0001)}
if [ ! -f "$bundle/model.cbm" ]; then echo "SKIP: no bundle $bundle"; echo "0 passed, 0 failed, 1 skipped"; exit 0; fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-private.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
for m in "$bundle"/*.cbm; do
    "$B/mercredi-train" convert --to json "$m" "$tmp/$(basename "$m" .cbm).json" || exit 1
done
python3 - "$bundle" "$tmp" >"$tmp/scan" <<'P'
import csv, glob, json, os, sys
bundle, tmp = sys.argv[1:]
passed = failed = 0
def check(name, good):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("FAILED:", name)
lists = glob.glob(os.path.join(bundle, "features*.json"))
vocabularies = 0
for file in lists:
    for f in json.load(open(file, encoding="utf-8"))["features"]:
        if "values" in f:
            vocabularies += len(f["values"]) > 0
            check("%s: %s learns from fewer than three films" % (file, f["name"]), f.get("min_count", 0) >= 3)
            check("%s: %s is a title" % (file, f["name"]), f["field"] not in ("title", "original_title", "film_id"))
check("no vocabulary was seen", vocabularies >= 3)
statistics = 0
for file in glob.glob(os.path.join(tmp, "*.json")):
    model = json.load(open(file, encoding="utf-8"))
    for name, table in model.get("ctr_data", {}).items():
        kind = json.loads(name)
        check("%s: a statistic of several fields together" % file, len(kind["identifier"]) == 1)
        stride, flat = table["hash_stride"], table["hash_map"]
        rows = [flat[i + 1:i + stride] for i in range(0, len(flat), stride)]
        statistics += len(rows)
        if kind["type"] in ("Borders", "Buckets", "Counter", "FeatureFreq"):
            least = min((sum(r) for r in rows), default=3)
            check("%s: %s counts %d films" % (file, name, least), least >= 3)
        else:
            check("%s: %s means would hold sums" % (file, name), False)
check("no target statistic was seen", statistics >= 50)
sample = json.load(open(os.path.join(bundle, "selftest.json"), encoding="utf-8"))
text = json.dumps(sample, ensure_ascii=False)
check("self-test rows carry a target", "first_week_entries" not in text)
# Against the real films where they are at hand: no title of theirs (long enough to be no accident) is in a file.
data = os.environ.get("MERCREDI_DATA")
films = os.path.join(data, "data/fr-first-week/clean.csv") if data else ""
if os.path.exists(films):
    whole = "".join(open(os.path.join(r, f), encoding="utf-8", errors="ignore").read()
                    for r, _, fs in os.walk(bundle) for f in fs if not f.endswith(".cbm") and f != "similar.json")
    titles = {r["title"] for r in csv.DictReader(open(films, encoding="utf-8")) if len(r["title"]) >= 16}
    found = sorted(t for t in titles if t in whole)
    check("titles of films: %s" % found[:5], not found)
# Films like a new one are named by title and year beside leaf numbers; nothing of that file is a figure of theirs.
similar = os.path.join(bundle, "tables/similar.json")
if os.path.exists(similar):
    table = json.load(open(similar, encoding="utf-8"))
    check("similar films: other keys", set(table) == {"format", "titles", "years", "trees", "leaves"})
    check("similar films: titles are texts", all(isinstance(x, str) for x in table["titles"]))
    check("similar films: years are years", all(1900 <= x <= 2100 for x in table["years"]))
    check("similar films: two digits a tree", all(len(x) == 2 * len(table["trees"]) for x in table["leaves"]))
# Histories: rounded means of three films and more; scores of single films are not kept.
history = os.path.join(bundle, "tables/history.json")
if os.path.exists(history):
    table = json.load(open(history, encoding="utf-8"))
    check("histories are not the published form", table["form"] == "published" and not table.get("films"))
    rows = [e for kind in table["entities"].values() for e in kind]
    check("no history was seen", len(rows) >= 1000)
    check("histories of fewer than three films", all(e[1] >= 3 for e in rows))
    check("histories not rounded", all(round(v, 2) == v for e in rows for v in e[2:]))
    intervals = json.load(open(os.path.join(bundle, "interval.json"), encoding="utf-8"))["models"].values()
    check("errors of single films", not any("scores" in x for x in intervals))
    for model in json.load(open(os.path.join(bundle, "reference.json"), encoding="utf-8"))["models"].values():
        for f in model["features"]:
            check("reference of %s counts fewer than three films" % f["name"], min(f.get("values", {"": 3}).values(), default=3) >= 3)
            check("reference of %s has a point for fewer than three films" % f["name"], len(f.get("points", [])) * 3 <= f["known"])
# Groups in reports are of twenty films and more.
def groups(node):
    if isinstance(node, dict):
        if "group" in node:
            yield node
        for child in node.values():
            yield from groups(child)
    elif isinstance(node, list):
        for child in node:
            yield from groups(child)
report = os.path.join(bundle, "report.json")
if os.path.exists(report):
    found = list(groups(json.load(open(report, encoding="utf-8"))))
    check("no group was seen", len(found) >= 20)
    check("a group of few films", all(g["films"] >= 20 for g in found))
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
P
scanned=$?
if [ $# != 0 ] || [ ! -f "$bundle/tables/history.json" ]; then cat "$tmp/scan"; exit $scanned; fi
# What must not pass: file, what is changed in it, in Python.
counts=$(tail -n 1 "$tmp/scan") failed=$scanned
passed=${counts%% *}
sed '$d' "$tmp/scan"
while IFS='|' read -r file change; do
    rm -rf "$tmp/planted" && cp -r "$bundle" "$tmp/planted" || exit 1
    python3 -c 'import json, sys
path, change = sys.argv[1:]
x = json.load(open(path, encoding="utf-8"))
exec(change)
json.dump(x, open(path, "w", encoding="utf-8"), ensure_ascii=False)' "$tmp/planted/$file" "$change" || exit 1
    if sh tests/golden/bundle_private.sh "$tmp/planted" >"$tmp/out"; then
        failed=$((failed + 1)); echo "FAILED: not found out: $file: $change"
    else
        passed=$((passed + 1))
    fi
done <<'R'
tables/history.json|next(iter(x["entities"].values()))[0][1] = 2
tables/history.json|next(iter(x["entities"].values()))[0][2] += 0.001
tables/history.json|x["films"] = [[1]]
tables/similar.json|x["entries"] = [1 for _ in x["titles"]]
interval.json|x["models"]["ahead"]["scores"] = [["2022-12-28", 0.1]]
report.json|x["models"]["ahead"]["by_year"][0]["films"] = 1
selftest.json|x["first_week_entries"] = 1
features.json|next(f for f in x["features"] if "values" in f)["min_count"] = 1
reference.json|next(f for f in x["models"]["ahead"]["features"] if f.get("values"))["values"]["a"] = 2
R
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
