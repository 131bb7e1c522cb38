/* Every route of the server: dispatch, authorisation, OpenAPI and the tests follow this table. */
#include "fcgi/handlers.h"

const struct route routes[] = {
    {HTTP_POST, "/token", h_token, SCOPE_NONE, "login", "access", "Log in with name and password / Se connecter",
     "Token", 0},
    {HTTP_GET, "/livez", h_alive, SCOPE_NONE, "livez", "operations", "The process is alive / Le processus vit", NULL,
     0},
    {HTTP_GET, "/readyz", h_ready, SCOPE_NONE, "readyz", "operations",
     "Ready to predict (?verbose lists the checks, ?exclude=NAME skips one) / Prêt à prédire", NULL, ROUTE_NEEDS_MODEL},
    {HTTP_GET, "/health", h_alive, SCOPE_NONE, "health", "operations", "As /livez / Comme /livez", NULL, 0},
    {HTTP_GET, "/ping", h_alive, SCOPE_NONE, "ping", "operations", "As /livez, for MLflow clients / Comme /livez", NULL,
     0},
};
const size_t n_routes = sizeof routes / sizeof routes[0];
