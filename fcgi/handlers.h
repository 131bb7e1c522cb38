/* The handlers, one per row of routes.c. Each fills c->res; none fails otherwise. */
#ifndef MRC_FCGI_HANDLERS_H
#define MRC_FCGI_HANDLERS_H

#include "fcgi/app.h"

void h_alive(struct context *c); /* h_health.c */
void h_ready(struct context *c);
bool health_ready(const struct context *c); /* what /readyz says */

void h_metrics(struct context *c); /* h_metrics.c */

void h_token(struct context *c); /* h_token.c */
void h_revoke(struct context *c);
void h_oauth_metadata(struct context *c);

void h_predict(struct context *c); /* h_predict.c */

void h_invocations(struct context *c); /* h_invocations.c */

void h_v2(struct context *c); /* h_inference.c */
void h_v2_live(struct context *c);
void h_v2_ready(struct context *c);
void h_v2_model(struct context *c);
void h_v2_model_ready(struct context *c);
void h_v2_infer(struct context *c);

void h_predictions(struct context *c); /* h_predictions.c */
void h_prediction(struct context *c);

void h_films(struct context *c); /* h_films.c */
void h_film_keep(struct context *c);
void h_film(struct context *c);
void h_film_delete(struct context *c);

void h_suggest(struct context *c); /* h_suggest.c */

void h_outcomes(struct context *c); /* h_outcomes.c */
void h_outcomes_report(struct context *c);
void h_outcome(struct context *c);

void h_cinemas(struct context *c); /* h_cinemas.c */
void h_cinema_add(struct context *c);
void h_cinema(struct context *c);
void h_cinema_change(struct context *c);
void h_cinema_delete(struct context *c);
void h_members(struct context *c);
void h_member_put(struct context *c);
void h_member_end(struct context *c);

void h_schema(struct context *c); /* h_schema.c */
void h_openapi(struct context *c);

void h_models(struct context *c); /* h_models.c */
void h_model(struct context *c);
void h_model_shadow(struct context *c); /* h_shadow.c */
void h_model_promote(struct context *c);
void h_model_rollback(struct context *c);

void h_me(struct context *c); /* h_users.c */
void h_my_password(struct context *c);
void h_users(struct context *c);
void h_user_add(struct context *c);
void h_user_change(struct context *c);

void h_docs(struct context *c); /* h_docs.c */
void h_redoc(struct context *c);
void h_page(struct context *c);
void h_file(struct context *c);

#endif
