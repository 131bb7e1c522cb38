#!/usr/bin/env bats
# fit on any table: roles, splits, flags, outputs, interruption, and what is refused with which status.
load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    awk 'BEGIN {
        srand(3); print "day,id,x,kind,y,w"
        for (i = 0; i < 400; i++) {
            x = rand(); k = int(rand() * 6)
            printf "2020-%02d-%02d,g%d,%s,\"kind, %d\",%.4f,%d\n", 1 + i / 40, 1 + i % 28, i / 4, (i % 9 ? x : ""), k, 2 * x + (k % 3) + rand() / 4, 1 + i % 3
        }
    }' >d.csv
    echo '[{"name":"day","kind":"timestamp"},{"name":"id","kind":"group"},{"name":"x","kind":"num"},{"name":"kind","kind":"cat"},{"name":"y","kind":"target"},{"name":"w","kind":"weight"}]' >c.json
    printf '0\tTimestamp\n1\tGroupId\n2\tNum\tx\n3\tCateg\tkind\n4\tLabel\n5\tWeight\n' >c.cd
}
fit() { "$MT" fit --data d.csv --columns c.json "$@"; }

@test "fit: a file, standard input, roles as JSON or CatBoost's description: the same bytes, for any number of threads" {
    fit --iterations 12 --model-out a.cbm
    "$MT" fit --data - --cd c.cd --set iterations=12 --threads 2 --model-out b.cbm <d.csv
    echo '{"iterations": 12, "verbose": false}' >p.json
    fit --params p.json --threads 7 --model-out c.cbm
    cmp a.cbm b.cbm
    cmp a.cbm c.cbm
    fit --params p.json --iterations 11 --model-out d.cbm # flags win over the file
    call "$MT" inspect --json d.cbm
    [ "$(jq .trees <<<"$out")" = 11 ]
}

@test "fit: splits by time and by chance; curves; JSON as its last line" {
    call fit --iterations 30 --split time:day@2020-08-01 --early-stopping-rounds 5 --curves k.csv --json --model-out m.json
    [ "$status" -eq 0 ]
    tail -1 <<<"$out" | jq -e '.fit_s >= 0 and .load_s >= 0 and .peak_rss_mb > 0 and .rss_before_fit_mb > 0 and .interrupted == false'
    trees=$(tail -1 <<<"$out" | jq .trees)
    [ "$(jq '.oblivious_trees | length' m.json)" = "$trees" ]
    [ "$(head -1 k.csv)" = iteration,learn_RMSE,eval_RMSE ]
    [ "$(tail -n +2 k.csv | wc -l)" = "$(tail -1 <<<"$out" | jq '.eval_loss | length')" ]
    best=$(tail -n +2 k.csv | sort -t, -g -k3 | head -1 | cut -d, -f1)
    [ "$trees" = $((best + 1)) ]
    call fit --iterations 10 --split random:0.25 --eval-metric R2 --json --curves - --model-out m.cbm
    [ "$status" -eq 0 ]
    [ "$(head -1 <<<"$out")" = iteration,learn_RMSE,eval_RMSE,eval_R2 ]
    tail -1 <<<"$out" | jq -e '.eval_metric | length == 10'
}

@test "fit: an eval file of its own" {
    { head -1 d.csv; tail -100 d.csv; } >e.csv
    call fit --iterations 10 --eval e.csv --json --model-out m.cbm
    [ "$status" -eq 0 ]
    jq -e '.eval_loss | length == 10' <<<"$out"
    head -1 d.csv >e.csv
    call fit --eval e.csv --model-out n.cbm
    [ "$status" -eq 65 ]
    one_error_line fit 'e.csv has no rows'
    [ ! -e n.cbm ]
}

@test "fit: the first SIGINT writes the model with the trees so far" {
    "$MT" fit --data d.csv --columns c.json --iterations 900000 --learning-rate 0.001 --model-out m.cbm --json >o.json 2>e.txt 3>&- &
    pid=$!
    sleep 1.5
    kill -INT $pid
    for _ in $(seq 100); do kill -0 $pid 2>/dev/null || break; sleep 0.1; done
    kill -0 $pid 2>/dev/null && { kill -KILL $pid; false; }
    trees=$(jq .trees o.json)
    [ "$trees" -gt 0 ] && [ "$trees" -lt 900000 ]
    jq -e .interrupted o.json
    [ "$("$MT" inspect --json m.cbm | jq .trees)" = "$trees" ]
}

@test "fit: parameters that are unknown, out of range or at odds are named: 64" {
    echo '{"iterations": 3, "monotone_constraints": [1]}' >p.json
    call fit --params p.json --model-out m.cbm
    [ "$status" -eq 64 ]
    one_error_line fit 'monotone_constraints'
    call fit --depth 17 --model-out m.cbm
    [ "$status" -eq 64 ]
    one_error_line fit 'depth: "17" is not an integer from 1 to 16'
    call fit --boosting-type Ordered --model-out m.cbm
    [ "$status" -eq 69 ]
    call fit --bootstrap-type No --subsample 0.5 --model-out m.cbm
    [ "$status" -eq 64 ]
    one_error_line fit 'subsample: only with'
    call fit --iteration 5 --model-out m.cbm
    [ "$status" -eq 64 ]
    one_error_line fit 'did you mean --iterations'
    call fit --split time:day@soon --model-out m.cbm
    [ "$status" -eq 64 ]
    call fit --split random:0.2 --eval d.csv --model-out m.cbm
    [ "$status" -eq 64 ]
    call "$MT" fit --data d.csv --model-out m.cbm
    [ "$status" -eq 64 ]
    [ ! -e m.cbm ]
}

@test "fit: bad data 65, no such file 66, too little memory 71, no such folder 73, a full disk 74; nothing half-written" {
    awk -F, -v OFS=, 'NR == 7 {$3 = "oops"} {print}' d.csv >bad.csv
    call "$MT" fit --data bad.csv --columns c.json --model-out m.cbm
    [ "$status" -eq 65 ]
    one_error_line fit 'bad.csv:7:'
    awk -F, -v OFS=, 'NR == 7 {$6 = "oops"} {print}' d.csv >bad.csv # the target, which might be a label
    call "$MT" fit --data bad.csv --columns c.json --model-out m.cbm
    [ "$status" -eq 65 ]
    one_error_line fit '"oops" (row 5 from 0) is none'
    awk -F, -v OFS=, 'NR > 1 {$6 = 5} {print}' d.csv >constant.csv
    call "$MT" fit --data constant.csv --columns c.json --model-out m.cbm
    [ "$status" -eq 65 ]
    one_error_line fit constant
    call "$MT" fit --data none.csv --columns c.json --model-out m.cbm
    [ "$status" -eq 66 ]
    call fit --memory-max 1MiB --depth 16 --model-out m.cbm
    [ "$status" -eq 71 ]
    one_error_line fit 'allowed are 1'
    call fit --iterations 2 --model-out none/m.cbm
    [ "$status" -eq 73 ]
    call fit --iterations 2 --model-out /dev/full
    [ "$status" -eq 74 ]
    [ -c /dev/full ]
    one_error_line fit 'No space'
    [ ! -e m.cbm ]
    ! ls | grep -q tmp$
}

@test "fit: a category for every row, more borders than values" {
    awk -F, -v OFS=, 'NR == 1 {print; next} {print $1, $2, $3, "u" NR, $6, $7}' d.csv >u.csv
    call "$MT" fit --data u.csv --columns c.json --iterations 5 --border-count 65535 --model-out m.cbm
    echo "$err"
    [ "$status" -eq 0 ]
    "$MT" predict --model m.cbm --data u.csv --columns c.json | wc -l | grep -qx 401
}
