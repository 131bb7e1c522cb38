/* SQLite's driver: one file, write-ahead log, every commit synced to the disk. */
#ifndef MRC_FCGI_STORE_SQLITE_H
#define MRC_FCGI_STORE_SQLITE_H

#include "fcgi/store_driver.h"

/* Url: a path, or ":memory:" for a database that dies with the connection. */
extern const struct store_driver store_sqlite;

#endif
