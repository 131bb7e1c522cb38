/* Every route of the server: dispatch, authorisation, OpenAPI and the tests follow this table. */
#include "fcgi/handlers.h"

/* clang-format off */
const struct route routes[] = {
    {HTTP_POST, "/token", h_token, SCOPE_NONE, "login", "access",
     "Get a token: log in, refresh, or prove to be a client / Obtenir un jeton", "Token", 0},
    {HTTP_POST, "/revoke", h_revoke, SCOPE_NONE, "revoke", "access",
     "End a token or key / Révoquer un jeton ou une clé", "Revoked", 0},
    {HTTP_GET, "/.well-known/oauth-authorization-server", h_oauth_metadata, SCOPE_NONE, "oauth_metadata", "access",
     "What /token offers (RFC 8414) / Ce qu'offre /token", "OAuthMetadata", 0},
    {HTTP_GET, "/users/me", h_me, SCOPE_ANY, "me", "access",
     "Whose token this is / À qui est ce jeton", "User", 0},
    {HTTP_POST, "/users/me/password", h_my_password, SCOPE_ANY, "change_password", "access",
     "Change your password; ends your tokens / Changer votre mot de passe", "User", 0},
    {HTTP_GET, "/users", h_users, SCOPE_ADMIN, "users", "access",
     "All accounts / Tous les comptes", "UserList", 0},
    {HTTP_POST, "/users", h_user_add, SCOPE_ADMIN, "add_user", "access",
     "Make an account / Créer un compte", "User", ROUTE_CONFLICTS},
    {HTTP_PATCH, "/users/{username}", h_user_change, SCOPE_ADMIN, "change_user", "access",
     "Change scopes or password, disable, enable / Modifier un compte", "User", ROUTE_CONFLICTS},

    {HTTP_POST, "/predict", h_predict, SCOPE_PREDICT, "predict", "predictions",
     "Predict the first week of one film or several / Prévoir la première semaine d'un ou plusieurs films",
     "PredictAnswer", ROUTE_NEEDS_MODEL | ROUTE_CHECKS_QUERY},
    {HTTP_GET, "/predictions", h_predictions, SCOPE_PREDICT, "predictions", "predictions",
     "Your predictions, newest first / Vos prévisions, de la plus récente à la plus ancienne",
     "PredictionPage", ROUTE_CHECKS_QUERY},
    {HTTP_GET, "/predictions/{id}", h_prediction, SCOPE_PREDICT, "prediction", "predictions",
     "One of your predictions / Une de vos prévisions", "PredictionRecord", 0},

    {HTTP_GET, "/models", h_models, SCOPE_PREDICT, "models", "models",
     "The versions there are / Les versions", "ModelList", ROUTE_CACHED},
    {HTTP_GET, "/models/{version}", h_model, SCOPE_PREDICT, "model", "models",
     "A version with its manifest, figures and report / Une version et son rapport", "ModelDetail", ROUTE_CACHED},
    {HTTP_POST, "/models/{version}/promote", h_model_promote, SCOPE_ADMIN, "promote_model", "models",
     "Make a version the one that serves / Mettre une version en service", "ModelSwitch", ROUTE_CONFLICTS},
    {HTTP_POST, "/models/rollback", h_model_rollback, SCOPE_ADMIN, "rollback_model", "models",
     "Back to the version before / Revenir à la version précédente", "ModelSwitch", ROUTE_CONFLICTS},
    {HTTP_GET, "/schema", h_schema, SCOPE_NONE, "schema", "models",
     "What a film is described by / Ce qui décrit un film", "Schema", ROUTE_CACHED | ROUTE_NEEDS_MODEL},
    {HTTP_GET, "/openapi.json", h_openapi, SCOPE_NONE, "openapi", "models",
     "This document / Ce document", "object", ROUTE_CACHED | ROUTE_ANY_JSON},

    {HTTP_GET, "/livez", h_alive, SCOPE_NONE, "livez", "operations",
     "The process is alive / Le processus vit", NULL, 0},
    {HTTP_GET, "/readyz", h_ready, SCOPE_NONE, "readyz", "operations",
     "Ready to predict / Prêt à prédire", NULL, ROUTE_NEEDS_MODEL},
    {HTTP_GET, "/metrics", h_metrics, SCOPE_NONE, "metrics", "operations",
     "Counters for Prometheus / Compteurs pour Prometheus", NULL, 0},
    {HTTP_GET, "/health", h_alive, SCOPE_NONE, "health", "operations",
     "As /livez / Comme /livez", NULL, 0},
    {HTTP_GET, "/ping", h_alive, SCOPE_NONE, "ping", "operations",
     "As /livez, for MLflow's clients / Comme /livez", NULL, 0},

    {HTTP_GET, "/", h_page, SCOPE_NONE, "index", "pages", "", NULL, ROUTE_HIDDEN},
    {HTTP_GET, "/app/{page}", h_page, SCOPE_NONE, "page", "pages", "", NULL, ROUTE_HIDDEN},
    {HTTP_GET, "/docs", h_docs, SCOPE_NONE, "docs", "pages", "", NULL, ROUTE_HIDDEN},
    {HTTP_GET, "/redoc", h_redoc, SCOPE_NONE, "redoc", "pages", "", NULL, ROUTE_HIDDEN},
    {HTTP_GET, "/assets/{file...}", h_file, SCOPE_NONE, "asset", "pages", "", NULL, ROUTE_HIDDEN},
    {HTTP_GET, "/vendor/{file...}", h_file, SCOPE_NONE, "vendor", "pages", "", NULL, ROUTE_HIDDEN},
};
/* clang-format on */
const size_t n_routes = sizeof routes / sizeof routes[0];
