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

uint32_t csv_lines(const struct csv *c); /* line ends passed so far */

/* ---- in parts, for several threads ------------------------------------------------------------------------------ */

/* After csv_header: take whole records as text, about `bytes` of it (more when one record is longer). The text is valid
 * until the next csv_take or csv_close; csv_next must not follow. lines: line ends in the text taken before (0 at
 * first), so that errors name their line. 1, 0 at the end, or negative as csv_next. */
int csv_take(struct csv *c, size_t bytes, uint32_t lines, struct str *text, struct mrc_err *err) MRC_CHECKED;
/* Cut such text into at most n pieces of whole records and about equal size; returns how many. */
uint32_t csv_cut(struct str text, uint32_t n, struct str *pieces);
/* A reader of such a piece, to be used before the next csv_take by one thread: records as wide as c's header, lines
 * counted from 1. It alters the text in place. */
int csv_open_part(struct csv **out, const struct csv *c, struct str text, struct mrc_err *err) MRC_CHECKED;

/* Append one cell, quoted where needed (comma, quote, line end, leading or trailing blank, an empty first
 * cell), with a comma before it unless `first`. End a record with buf_char(b, '\n'). */
void csv_put(struct buf *b, struct str cell, bool first);

#endif
