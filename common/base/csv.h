/* CSV reader (RFC 4180) that knows where it is, and a writer.
 *
 * Comma, double quotes doubled inside quotes, line ends LF, CRLF or CR, an optional UTF-8 byte-order mark at the start.
 * Text must be UTF-8. A record's cells stay valid until the next csv_next. Memory is bounded by the longest record. */
#ifndef MRC_BASE_CSV_H
#define MRC_BASE_CSV_H

#include "common/base/text.h"

struct csv;

struct csv_limits {
    size_t record_max;  /* bytes in one record */
    uint32_t cells_max; /* cells in one record */
};
extern const struct csv_limits csv_limits_file; /* 16 MiB, 65,536 cells */

struct csv_cell {
    struct str text;    /* unquoted, without surrounding quotes; NUL bytes are refused */
    uint32_t line, col; /* where it begins, from 1; col counts bytes */
    bool quoted;
};

/* Read from a file ("-" is standard input), or from memory that outlives the reader. */
int csv_open(struct csv **out, const char *path, const struct csv_limits *limits, struct mrc_err *err) MRC_CHECKED;
int csv_open_mem(struct csv **out, struct str text, const struct csv_limits *limits, struct mrc_err *err) MRC_CHECKED;
void csv_close(struct csv *c); /* NULL is fine */

/* Next record: 1 with *cells and *n set; 0 at the end; negative: MRC_EFORMAT (quote never closed, text after a closing
 * quote, bad UTF-8, NUL: each its own message with line and column), MRC_ELIMIT, MRC_EIO. Blank lines are skipped.
 * These end the reading: later calls fail alike. Only a wrong number of cells (below) leaves the reader behind that
 * record. A quote inside an unquoted cell is taken as it stands. */
int csv_next(struct csv *c, const struct csv_cell **cells, uint32_t *n, struct mrc_err *err) MRC_CHECKED;

/* Read the first record as column names: MRC_EFORMAT when the input is empty, a name is empty or stands twice.
 * names stay valid until csv_close. Later records with another number of cells are MRC_EFORMAT.
 * MRC_EINVAL when a record was read before. */
int csv_header(struct csv *c, const struct str **names, uint32_t *n, struct mrc_err *err) MRC_CHECKED;
/* Column of a name, or -1. After csv_header. */
int64_t csv_column(const struct csv *c, struct str name);
uint32_t csv_line(const struct csv *c); /* line of the latest record, from 1 */

/* Append one cell, quoted where needed (comma, quote, line end, leading or trailing blank, an empty first
 * cell), with a comma before it unless `first`. End a record with buf_char(b, '\n'). */
void csv_put(struct buf *b, struct str cell, bool first);

#endif
