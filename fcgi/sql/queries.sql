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

-- name: prediction_get
SELECT id, time_ms, user_id, request_id, trace_id, model_name, model_version, row_json,
       score, admissions, low80, high80, quantiles_json, latency_us
FROM predictions WHERE id = $1 AND user_id = $2
