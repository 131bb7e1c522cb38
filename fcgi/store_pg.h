/* PostgreSQL's driver: several hosts on one database. State and log may share it or have one each. */
#ifndef MRC_FCGI_STORE_PG_H
#define MRC_FCGI_STORE_PG_H

#include "fcgi/store_driver.h"

/* Url: postgresql://… as libpq reads it, without a password (libpq finds that in the file of passfile, or in
 * PGPASSFILE's or the user's own). A connection that is lost is made anew by the next statement outside a transaction;
 * while the server cannot be reached, tries grow rarer and everything is MRC_EBUSY. */
extern const struct store_driver store_pg;

/* Is this text a PostgreSQL address? */
bool store_pg_url(const char *url);

#endif
