/* Frames between workers and the scribe: a fixed header, then a body of bounded length. All numbers little-endian.
 *
 *   0  u32  length of the body
 *   4  u8   protocol version (SCRIBE_VERSION)
 *   5  u8   kind
 *   6  u16  0
 *   8  u32  sequence number, chosen by the client, repeated in the answer
 *
 * SCRIBE_ROWS: u32 count, then each row: i64 time_ms, i64 latency_us, four f64 (score, admissions, low80, high80),
 * eight texts (id, user_id, request_id, trace_id, model_name, model_version, row_json, quantiles_json), each u32 length
 * + bytes. SCRIBE_PING: empty. SCRIBE_ANSWER: i32 status (enum mrc_status), then a message without end mark. */
#ifndef MRC_FCGI_SCRIBE_FRAME_H
#define MRC_FCGI_SCRIBE_FRAME_H

#include "fcgi/store.h"

enum {
    SCRIBE_VERSION = 1,
    SCRIBE_HEADER = 12,
    SCRIBE_BODY_MAX = 4 << 20,
    SCRIBE_ROW_MIN = 8 + 8 + 4 * 8 + 8 * 4, /* a row of empty texts */
    SCRIBE_ANSWER_MAX = 256
};
enum scribe_kind { SCRIBE_ROWS = 1, SCRIBE_PING = 2, SCRIBE_ANSWER = 3 };

struct scribe_header {
    uint32_t length;
    uint8_t kind;
    uint32_t sequence;
};

/* Read a header of SCRIBE_HEADER bytes. MRC_EFORMAT: other version, unknown kind, not 0 where 0 belongs;
 * MRC_ELIMIT: the body is longer than SCRIBE_BODY_MAX. */
int scribe_header_read(const unsigned char *p, struct scribe_header *out, struct mrc_err *err) MRC_CHECKED;

/* Append a frame with rows[0 … *taken): as many as fit into SCRIBE_BODY_MAX. MRC_ELIMIT when not even the first does.
 * buf is reset first. */
int scribe_rows_write(struct buf *b, uint32_t sequence, const struct prediction *rows, size_t n, size_t *taken,
                      struct mrc_err *err) MRC_CHECKED;
/* Number of rows in a body, 0 when it does not even hold a count or the count cannot fit. */
size_t scribe_rows_count(struct str body);
/* Read exactly n = scribe_rows_count(body) rows; their texts are slices of the body. MRC_EFORMAT when the body is cut,
 * has bytes left over, or an id is no UUID. */
int scribe_rows_read(struct str body, struct prediction *rows, size_t n, struct mrc_err *err) MRC_CHECKED;

void scribe_ping_write(struct buf *b, uint32_t sequence);

/* Answer of status and message (cut to fit); out has SCRIBE_HEADER + SCRIBE_ANSWER_MAX bytes; returns the length. */
size_t scribe_answer_write(unsigned char *out, uint32_t sequence, int status, const char *message);
/* Read an answer's body: returns its status (MRC_OK or negative, then err has the message); MRC_EFORMAT when malformed.
 */
int scribe_answer_read(struct str body, struct mrc_err *err);

#endif
