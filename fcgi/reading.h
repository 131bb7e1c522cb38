/* What handlers read beside films: JSON bodies, pages of lists, dates of a query. Each answers by itself when something
 * is wrong; what is wrong with single values is collected in a list of problems. */
#ifndef MRC_FCGI_READING_H
#define MRC_FCGI_READING_H

#include "fcgi/app.h"

/* The body as a JSON object. false: answered (400, 413, 415, 422). Free the document. */
bool read_json_object(struct context *c, struct json_doc **doc);
/* As read_json_object, of any type. */
bool read_json_body(struct context *c, struct json_doc **doc);

/* A problem of a member of the body (or of the whole: field NULL). input: the value as it came, NULL: null. */
int problem_in_body(struct context *c, struct problems *problems, const char *type, const char *field,
                    const char *message, const struct json *input, struct mrc_err *err) MRC_CHECKED;
/* The same of a query parameter. */
int problem_in_query(struct context *c, struct problems *problems, const char *type, const char *name,
                     const char *message, struct str input, struct mrc_err *err) MRC_CHECKED;

/* Does the text begin with something to see: no blank, no control character? */
bool text_begins(struct str text);
/* A text member of min to max characters; with min > 0 it begins with something to see; blanks at its end are dropped;
 * copied to the arena; absent or null: *out empty, a problem when `needed`. */
int read_text_member(struct context *c, struct problems *problems, const struct json *object, const char *field,
                     bool needed, size_t min, size_t max, struct str *out, struct mrc_err *err) MRC_CHECKED;
/* An integer member within [min, max]. *has: whether it is there and not null. */
int read_integer_member(struct context *c, struct problems *problems, const struct json *object, const char *field,
                        int64_t min, int64_t max, bool *has, int64_t *out, struct mrc_err *err) MRC_CHECKED;

/* FastAPI's words for a truth value in a text: true, yes, 1, off, … */
bool parse_truth(struct str text, bool *out);

enum { PAGE_DEFAULT = 50, PAGE_MAX = 1000 };
struct page {
    uint32_t limit;
    struct str cursor; /* an id, or empty */
};
/* `limit` and `cursor` of the query. */
int read_page(struct context *c, struct page *page, struct problems *problems, struct mrc_err *err) MRC_CHECKED;
/* A date of the query as YYYY-MM-DD, or `absent`. */
int read_query_date(struct context *c, const char *name, struct str absent, struct str *out, struct problems *problems,
                    struct mrc_err *err) MRC_CHECKED;

/* All that a list by day has in its query: a page, and `from` and `to`, open where they are not given. false: answered. */
bool read_page_of_days(struct context *c, struct page *page, struct str *from, struct str *to);

/* Open {"NAME":[ … and, when the items are written, close it and answer 200. */
void open_list(struct context *c, struct json_out *w, const char *name);
void answer_list(struct context *c, struct json_out *w);
/* Open {"items":[ … and, when the items are written, close it with the cursor of the next page. */
void open_page(struct context *c, struct json_out *w);
void close_page(struct json_out *w, const struct page *page, size_t n, struct str last_id);

#endif
