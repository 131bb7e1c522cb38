/* CSV: any bytes are read or refused with a place; what was read is written and reads back the same. */
#include "common/base/csv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static const struct csv_limits limits = {.record_max = 4096, .cells_max = 64};

/* Read everything; records go to *out as csv_put writes them. The last csv_next's status. */
static int copy_records(struct str text, struct buf *out, uint32_t *records, struct mrc_err *err)
{
    struct csv *c;
    const struct csv_cell *cells;
    uint32_t n, line = 0;
    require(csv_open_mem(&c, text, &limits, err) == MRC_OK);
    int rc;
    *records = 0;
    while ((rc = csv_next(c, &cells, &n, err)) > 0) {
        require(n > 0 && n <= limits.cells_max && csv_line(c) > line);
        line = csv_line(c);
        for (uint32_t i = 0; i < n; i++) {
            require(cells[i].line >= line && cells[i].col > 0 && cells[i].text.n <= limits.record_max);
            require(utf8_valid(cells[i].text) == cells[i].text.n);
            csv_put(out, cells[i].text, i == 0);
        }
        buf_char(out, '\n');
        ++*records;
    }
    csv_close(c);
    return rc;
}

/* A header, then records of its width: errors of single records do not end the reading. */
static void read_table(struct str text)
{
    struct csv *c;
    struct mrc_err err = {0};
    const struct str *names;
    const struct csv_cell *cells;
    uint32_t n_names, n;
    require(csv_open_mem(&c, text, &limits, &err) == MRC_OK);
    if (csv_header(c, &names, &n_names, &err) == MRC_OK) {
        for (uint32_t i = 0; i < n_names; i++) {
            require(csv_column(c, names[i]) == (int64_t)i); /* no name twice */
        }
        for (size_t turn = 0; turn <= text.n; turn++) {
            int rc = csv_next(c, &cells, &n, &err);
            require(rc <= 0 || n == n_names);
            if (rc == 0) {
                break;
            }
        }
    } else {
        require(err.msg[0] != '\0');
    }
    csv_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct mrc_err err = {0};
    struct buf first, second;
    uint32_t n_first, n_second;
    buf_init(&first, NULL, 0);
    buf_init(&second, NULL, 0);
    int rc = copy_records(text, &first, &n_first, &err);
    require(rc == 0 || rc == MRC_EFORMAT || rc == MRC_ELIMIT);
    require(rc == 0 || (err.code == rc && err.line > 0 && err.msg[0] != '\0'));
    /* Writing may add quotes, so that a record at the ceiling may not fit again. */
    rc = copy_records(buf_text(&first), &second, &n_second, &err);
    require(rc == MRC_ELIMIT || (rc == 0 && n_first == n_second && str_eq(buf_text(&first), buf_text(&second))));
    read_table(text);
    buf_release(&first);
    buf_release(&second);
    return 0;
}
