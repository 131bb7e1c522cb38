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
