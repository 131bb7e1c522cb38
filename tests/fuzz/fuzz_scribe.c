/* Any bytes as a frame of the prediction log's protocol: read without fault, and what is accepted is written back as
 * the same bytes. */
#include "fcgi/scribe_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rows(struct str body)
{
    size_t n = scribe_rows_count(body), taken = 0;
    if (n == 0) {
        return;
    }
    struct prediction *list = calloc(n, sizeof(*list));
    if (list == NULL) {
        return;
    }
    struct mrc_err err;
    if (scribe_rows_read(body, list, n, &err) == MRC_OK) {
        struct buf b;
        buf_init(&b, NULL, SCRIBE_HEADER + SCRIBE_BODY_MAX);
        if (scribe_rows_write(&b, 1, list, n, &taken, &err) != MRC_OK || taken != n || b.n != body.n + SCRIBE_HEADER ||
            memcmp(b.p + SCRIBE_HEADER, body.p, body.n) != 0) {
            abort();
        }
        buf_release(&b);
    }
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scribe_header h;
    struct mrc_err err;
    if (size < SCRIBE_HEADER || scribe_header_read(data, &h, &err) != MRC_OK) {
        return 0;
    }
    struct str body = {(const char *)data + SCRIBE_HEADER, size - SCRIBE_HEADER};
    if (h.length > SCRIBE_BODY_MAX) {
        abort();
    }
    if (h.kind == SCRIBE_ROWS) {
        rows(body);
    } else if (h.kind == SCRIBE_ANSWER && scribe_answer_read(body, &err) > 0) {
        abort();
    }
    return 0;
}
