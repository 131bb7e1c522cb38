-- Statements that every database shares, one per name; store.c has one typed function for each.
-- Standard SQL with $1, $2 … as parameters, each used in order of first appearance.

-- name: account_add
INSERT INTO account (id, username, password_hash, scopes, disabled, created_ms, tokens_valid_from_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: account_by_name
SELECT id, username, password_hash, scopes, disabled, created_ms, tokens_valid_from_ms
FROM account WHERE username = $1

-- name: account_by_id
SELECT id, username, password_hash, scopes, disabled, created_ms, tokens_valid_from_ms
FROM account WHERE id = $1

-- name: account_set_password
UPDATE account SET password_hash = $1 WHERE id = $2

-- name: account_set_disabled
UPDATE account SET disabled = $1 WHERE id = $2

-- name: account_set_tokens_valid_from
UPDATE account SET tokens_valid_from_ms = $1 WHERE id = $2

-- name: account_each
SELECT id, username, password_hash, scopes, disabled, created_ms, tokens_valid_from_ms
FROM account ORDER BY username

-- name: prediction_add
INSERT INTO predictions (id, time_ms, user_id, request_id, trace_id, model_name, model_version, row_json,
                        score, admissions, low80, high80, quantiles_json, latency_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO NOTHING

-- name: predictions_list
SELECT id, time_ms, user_id, request_id, trace_id, model_name, model_version, row_json,
       score, admissions, low80, high80, quantiles_json, latency_us
FROM predictions WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: predictions_find
SELECT id, time_ms, user_id, request_id, trace_id, model_name, model_version, row_json,
       score, admissions, low80, high80, quantiles_json, latency_us
FROM predictions WHERE user_id = $1 AND id < $2 AND id >= $3 AND ($4 = '' OR model_version = $4)
ORDER BY id DESC LIMIT $5

-- name: prediction_get
SELECT id, time_ms, user_id, request_id, trace_id, model_name, model_version, row_json,
       score, admissions, low80, high80, quantiles_json, latency_us
FROM predictions WHERE id = $1 AND user_id = $2

-- name: account_set_scopes
UPDATE account SET scopes = $1 WHERE id = $2

-- name: client_add
INSERT INTO client (id, secret_hash, scopes, disabled, created_ms, tokens_valid_from_ms)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: client_by_id
SELECT id, secret_hash, scopes, disabled, created_ms, tokens_valid_from_ms FROM client WHERE id = $1

-- name: client_each
SELECT id, secret_hash, scopes, disabled, created_ms, tokens_valid_from_ms FROM client ORDER BY id

-- name: client_set_disabled
UPDATE client SET disabled = $1, tokens_valid_from_ms = $2 WHERE id = $3

-- name: key_add
INSERT INTO api_key (id, account_id, label, secret_hash, scopes, created_ms, expires_ms, revoked_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: key_by_id
SELECT id, account_id, label, secret_hash, scopes, created_ms, expires_ms, revoked_ms FROM api_key WHERE id = $1

-- name: key_each
SELECT id, account_id, label, secret_hash, scopes, created_ms, expires_ms, revoked_ms FROM api_key ORDER BY id

-- name: key_revoke
UPDATE api_key SET revoked_ms = $1 WHERE id = $2 AND revoked_ms = 0

-- name: refresh_add
INSERT INTO refresh_token (hash, family, account_id, scopes, family_ms, issued_ms, expires_ms, used_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0)

-- name: refresh_by_hash
SELECT hash, family, account_id, scopes, family_ms, issued_ms, expires_ms, used_ms FROM refresh_token WHERE hash = $1

-- name: refresh_use
UPDATE refresh_token SET used_ms = $1 WHERE hash = $2 AND used_ms = 0

-- name: refresh_end_family
DELETE FROM refresh_token WHERE family = $1

-- name: refresh_end_expired
DELETE FROM refresh_token WHERE expires_ms <= $1

-- name: refresh_end_oldest
DELETE FROM refresh_token WHERE family IN (
    SELECT family FROM refresh_token WHERE account_id = $1 AND used_ms = 0 ORDER BY issued_ms DESC, hash
    LIMIT 1000 OFFSET $2)

-- name: revoked_add
INSERT INTO revoked_token (id, expires_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING

-- name: revoked_find
SELECT expires_ms FROM revoked_token WHERE id = $1

-- name: revoked_end_expired
DELETE FROM revoked_token WHERE expires_ms <= $1

-- name: audit_add
INSERT INTO audit (id, time_ms, actor, act, subject, detail, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: audit_list
SELECT id, time_ms, actor, act, subject, detail, request_id FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2

-- name: idempotency_begin
INSERT INTO idempotency (hash, fingerprint, holder, status, content_type, body, expires_ms)
VALUES ($1, $2, $3, 0, '', '', $4)
ON CONFLICT (hash) DO UPDATE SET fingerprint = $2, holder = $3, status = 0, content_type = '', body = '', expires_ms = $4
WHERE idempotency.expires_ms <= $5

-- name: idempotency_find
SELECT fingerprint, status, content_type, body FROM idempotency WHERE hash = $1

-- name: idempotency_finish
UPDATE idempotency SET status = $1, content_type = $2, body = $3, expires_ms = $4 WHERE hash = $5 AND holder = $6

-- name: idempotency_forget
DELETE FROM idempotency WHERE hash = $1 AND holder = $2

-- name: idempotency_end_expired
DELETE FROM idempotency WHERE expires_ms <= $1

-- name: film_put
INSERT INTO film (id, user_id, own_key, film_id, title, title_key, release_date, row_json, created_ms, changed_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (user_id, own_key) DO UPDATE SET title = $5, title_key = $6, release_date = $7, row_json = $8,
    changed_ms = $10

-- name: film_count
SELECT count(*) FROM film WHERE user_id = $1

-- name: film_by_own_key
SELECT id, user_id, own_key, film_id, title, title_key, release_date, row_json, created_ms, changed_ms
FROM film WHERE user_id = $1 AND own_key = $2

-- name: film_get
SELECT id, user_id, own_key, film_id, title, title_key, release_date, row_json, created_ms, changed_ms
FROM film WHERE id = $1 AND user_id = $2

-- name: films_list
SELECT id, user_id, own_key, film_id, title, title_key, release_date, row_json, created_ms, changed_ms
FROM film WHERE user_id = $1 AND id < $2 AND release_date >= $3 AND release_date <= $4 ORDER BY id DESC LIMIT $5

-- name: films_by_title
SELECT id, user_id, own_key, film_id, title, title_key, release_date, row_json, created_ms, changed_ms
FROM film WHERE user_id = $1 AND title_key = $2 ORDER BY id LIMIT $3

-- name: film_delete
DELETE FROM film WHERE id = $1 AND user_id = $2

-- name: outcome_add
INSERT INTO outcome (id, title_key, release_date, week, title, film_id, entries, provisional, source, plausibility,
    row_json, revision, user_id, request_id, reported_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- name: outcome_correct
UPDATE outcome SET title = $1, film_id = $2, entries = $3, provisional = $4, source = $5, plausibility = $6,
    row_json = $7, revision = $8, user_id = $9, request_id = $10, reported_ms = $11
WHERE id = $12 AND revision = $13

-- name: outcome_report_add
INSERT INTO outcome_report (outcome_id, revision, entries, provisional, source, plausibility, user_id, request_id,
    reported_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: outcome_find
SELECT id, title_key, release_date, week, title, film_id, entries, provisional, source, plausibility, row_json,
    revision, user_id, request_id, reported_ms
FROM outcome WHERE title_key = $1 AND release_date = $2 AND week = $3

-- name: outcome_get
SELECT id, title_key, release_date, week, title, film_id, entries, provisional, source, plausibility, row_json,
    revision, user_id, request_id, reported_ms
FROM outcome WHERE id = $1

-- name: outcomes_by_title
SELECT id, title_key, release_date, week, title, film_id, entries, provisional, source, plausibility, row_json,
    revision, user_id, request_id, reported_ms
FROM outcome WHERE title_key = $1 ORDER BY release_date, week LIMIT $2

-- name: outcomes_by_own_id
SELECT id, title_key, release_date, week, title, film_id, entries, provisional, source, plausibility, row_json,
    revision, user_id, request_id, reported_ms
FROM outcome WHERE user_id = $1 AND film_id = $2 ORDER BY release_date, week LIMIT $3

-- name: outcomes_list
SELECT id, title_key, release_date, week, title, film_id, entries, provisional, source, plausibility, row_json,
    revision, user_id, request_id, reported_ms
FROM outcome WHERE id < $1 AND week >= $2 AND week <= $3 ORDER BY id DESC LIMIT $4

-- name: outcome_reports
SELECT outcome_id, revision, entries, provisional, source, plausibility, user_id, request_id, reported_ms
FROM outcome_report WHERE outcome_id = $1 ORDER BY revision DESC LIMIT $2

-- name: cinema_add
INSERT INTO cinema (id, name, profile_json, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5)

-- name: cinema_change
UPDATE cinema SET name = $1, profile_json = $2, changed_ms = $3 WHERE id = $4

-- name: cinema_delete
DELETE FROM cinema WHERE id = $1

-- name: cinema_get
SELECT c.id, c.name, c.profile_json, c.created_ms, c.changed_ms, m.role
FROM cinema c JOIN cinema_member m ON m.cinema_id = c.id WHERE c.id = $1 AND m.user_id = $2

-- name: cinemas_list
SELECT c.id, c.name, c.profile_json, c.created_ms, c.changed_ms, m.role
FROM cinema c JOIN cinema_member m ON m.cinema_id = c.id WHERE m.user_id = $1 ORDER BY c.id LIMIT $2

-- name: cinema_member_count
SELECT count(*) FROM cinema_member WHERE user_id = $1

-- name: cinema_touch
UPDATE cinema SET changed_ms = changed_ms WHERE id = $1

-- name: cinema_members
SELECT cinema_id, user_id, username, role, since_ms FROM cinema_member WHERE cinema_id = $1 ORDER BY username LIMIT $2

-- name: cinema_member_put
INSERT INTO cinema_member (cinema_id, user_id, username, role, since_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (cinema_id, user_id) DO UPDATE SET role = $4

-- name: cinema_member_end
DELETE FROM cinema_member WHERE cinema_id = $1 AND username = $2

-- name: cinema_owner_count
SELECT count(*) FROM cinema_member WHERE cinema_id = $1 AND role = 3

-- name: cinema_size
SELECT count(*) FROM cinema_member WHERE cinema_id = $1

-- name: job_take
INSERT INTO job (name, holder, epoch, lease_until_ms, started_ms, done_ms, failures, error, memo)
VALUES ($1, $2, 1, $3, $4, 0, 0, '', '')
ON CONFLICT (name) DO UPDATE SET holder = $2, epoch = job.epoch + 1, lease_until_ms = $3, started_ms = $4
WHERE job.holder = '' OR job.lease_until_ms <= $4

-- name: job_get
SELECT name, holder, epoch, lease_until_ms, started_ms, done_ms, failures, error, memo FROM job WHERE name = $1

-- name: job_renew
UPDATE job SET lease_until_ms = $1 WHERE name = $2 AND holder = $3 AND epoch = $4 AND lease_until_ms > $5

-- name: job_done
UPDATE job SET holder = '', lease_until_ms = 0, done_ms = $1, failures = 0, error = '', memo = $2
WHERE name = $3 AND holder = $4 AND epoch = $5

-- name: job_failed
UPDATE job SET holder = '', lease_until_ms = 0, failures = failures + 1, error = $1
WHERE name = $2 AND holder = $3 AND epoch = $4

-- name: predictions_range
SELECT id, time_ms, user_id, request_id, trace_id, model_name, model_version, row_json,
       score, admissions, low80, high80, quantiles_json, latency_us
FROM predictions WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3

-- name: predictions_prune
DELETE FROM predictions WHERE id IN (SELECT id FROM predictions WHERE id < $1 ORDER BY id LIMIT $2)

-- name: shadow_add
INSERT INTO shadow_prediction (model_name, version, prediction_id, time_ms, served_version, title_key, release_date,
    early, refused, served_admissions, served_low80, served_high80, score, admissions, low80, high80)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (model_name, version, prediction_id) DO NOTHING

-- name: shadow_newest
SELECT model_name, version, prediction_id, time_ms, served_version, title_key, release_date,
    early, refused, served_admissions, served_low80, served_high80, score, admissions, low80, high80
FROM shadow_prediction WHERE model_name = $1 AND version = $2 ORDER BY prediction_id DESC LIMIT $3

-- name: shadow_range
SELECT model_name, version, prediction_id, time_ms, served_version, title_key, release_date,
    early, refused, served_admissions, served_low80, served_high80, score, admissions, low80, high80
FROM shadow_prediction WHERE (prediction_id, model_name, version) > ($1, $2, $3) AND prediction_id < $4
ORDER BY prediction_id, model_name, version LIMIT $5

-- name: shadow_films
SELECT o.entries, s.served_admissions, s.served_low80, s.served_high80, s.admissions, s.low80, s.high80
FROM outcome o JOIN shadow_prediction s ON s.model_name = $1 AND s.version = $2 AND s.prediction_id = (
    SELECT max(l.prediction_id) FROM shadow_prediction l
    WHERE l.model_name = $1 AND l.version = $2 AND l.title_key = o.title_key AND l.release_date = o.release_date
        AND l.early = 1 AND l.refused = 0)
WHERE o.provisional = 0 AND o.entries > 0 ORDER BY o.id DESC LIMIT $3

-- name: shadow_prune
DELETE FROM shadow_prediction WHERE prediction_id IN (
    SELECT prediction_id FROM shadow_prediction WHERE prediction_id < $1 ORDER BY prediction_id LIMIT $2)
