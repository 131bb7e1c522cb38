#!/usr/bin/env bats
# Another version of the model becomes current while requests come in.
load server
setup_file() { server_start MERCREDI_WORKERS=4; }
teardown_file() { server_stop; }

@test "another version becomes current under load: every request answered, all by it within two seconds" {
    models=$STATE/models/first-week
    old=$(readlink "$models/current")
    cp -R "$models/$old" "$models/9001.tmp"
    jq '.version = "9001"' "$models/$old/manifest.json" >"$models/9001.tmp/manifest.json"
    mv "$models/9001.tmp" "$models/9001"
    load_begin
    sleep 0.5
    ln -s 9001 "$models/current.new" && mv -T "$models/current.new" "$models/current"
    sleep 2
    as_demo
    for _ in {1..20}; do
        post_json /predict "$film"
        expect_code 200
        expect_body '.model.version == "9001"'
    done
    load_end
    all_answered
    [ "$(cut -d' ' -f2 <<<"$answers" | sort -u | tr '\n' ' ')" = "$old 9001 " ]
    ln -s "$old" "$models/current.new" && mv -T "$models/current.new" "$models/current"
    sleep 2
    post_json /predict "$film"
    expect_body ".model.version == \"$old\""
}

@test "a broken version never serves: the old one goes on" {
    models=$STATE/models/first-week
    old=$(readlink "$models/current")
    cp -R "$models/$old" "$models/9002"
    for f in "$models"/9002/*.cbm; do printf 'xxxx' | dd of="$f" bs=1 seek=100 conv=notrunc status=none; done
    load_begin
    ln -s 9002 "$models/current.new" && mv -T "$models/current.new" "$models/current"
    sleep 2
    load_end
    all_answered
    [ "$(cut -d' ' -f2 <<<"$answers" | sort -u)" = "$old" ]
    ln -s "$old" "$models/current.new" && mv -T "$models/current.new" "$models/current"
}
