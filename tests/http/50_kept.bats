#!/usr/bin/env bats
# What users keep and report: films, first weeks, cinemas; seen through the web server and in the database.
load server
setup_file() {
    server_start
    echo some-password-2 | administer user add marie --scopes "predict" --password-stdin
}
teardown_file() { server_stop; }

send() { # method, path, [JSON]
    request "$1" "$2" -H "Authorization: Bearer $token" ${3:+-H 'Content-Type: application/json' --data-binary "$3"}
}
as_marie() { login marie some-password-2; }

@test "a film is kept once, listed, reported by its id and forgotten" {
    as_demo
    kept=$(jq -c '.film_id = "mine-1" | .release_date = "2026-03-11"' <<<"$film")
    post_json /films "$kept"
    expect_code 200
    id=$(member .id)
    post_json /films "$kept"
    expect_code 200
    [ "$(member .id)" = "$id" ]
    get /films
    expect_body '[.items[] | select(.film.film_id == "mine-1")] | length == 1'
    post_json /predict "$kept"
    expect_code 200
    entries=$(member .admissions)
    report="{\"film_id\":\"mine-1\",\"first_week_entries\":$entries,\"source\":\"CNC\"}"
    post_json /outcomes "$report"
    expect_code 200
    expect_body '.result == "recorded" and .plausibility == "plausible" and .week == "2026-03-11"'
    outcome=$(member .outcome_id)
    post_json /outcomes "$report"
    expect_body '.result == "unchanged"'
    post_json /outcomes "$(jq -c '.first_week_entries += 1' <<<"$report")"
    expect_body '.result == "corrected" and .revision == 2'
    get "/outcomes/$outcome"
    expect_body ".history | [.[].entries] == [$((entries + 1)), $entries]"
    send DELETE "/films/$id"
    expect_code 204
    get "/films/$id"
    expect_code 404
}

@test "outcomes by CSV: all or none, and what is doubtful is listed" {
    as_demo
    request POST /outcomes -H "Authorization: Bearer $token" -H 'Content-Type: text/csv' --data-binary \
        $'title,release_date,first_week_entries,source\nDeux,2026-03-11,50000,CNC\nTrois,2026-03-11,1,CNC\n'
    expect_code 409
    expect_body '.detail[0].type == "implausible" and .detail[0].loc == ["body","outcomes",1]'
    get /outcomes
    expect_body '[.items[] | select(.film.title == "Deux")] | length == 0'
}

@test "suggestions are names" {
    as_demo
    get '/suggest?field=distributor&q=path'
    expect_code 200
    expect_body '(.suggestions | length) >= 1 and all(.suggestions[]; keys == ["match","value"])'
    get '/suggest?field=directors&q=nolann'
    expect_code 200
}

@test "a cinema is its members' and nobody else's" {
    as_demo
    post_json /cinemas '{"name":"Le Rex","rooms":[{"id":"1","seats":310}]}'
    expect_code 200
    id=$(member .id)
    as_marie
    for path in "/cinemas/$id" "/cinemas/$id/members"; do
        get "$path"
        expect_code 404
    done
    send DELETE "/cinemas/$id"
    expect_code 404
    as_demo
    send PUT "/cinemas/$id/members/marie" '{"role":"viewer"}'
    expect_code 200
    as_marie
    get "/cinemas/$id"
    expect_code 200
    expect_body '.role == "viewer"'
    send DELETE "/cinemas/$id"
    expect_code 403
}
