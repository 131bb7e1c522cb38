/* CSV: cells and their places, every malformation by its message, limits, and reading in pieces. */
#include "tests/unit/check_main.h"

#include "common/base/csv.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* All records of a text, for comparison: [a][b]\n per record. */
static int read_back(struct csv *c, struct buf *out, struct mrc_err *err)
{
    const struct csv_cell *cells;
    uint32_t n;
    int rc;
    while ((rc = csv_next(c, &cells, &n, err)) > 0) {
        for (uint32_t i = 0; i < n; i++) {
            buf_char(out, '[');
            buf_str(out, cells[i].text);
            buf_char(out, ']');
        }
        buf_char(out, '\n');
    }
    return rc;
}

START_TEST(records_and_cells)
{
    static const struct {
        struct str text;
        const char *records;
    } cases[] = {
        {STR_INIT(""), ""},
        {STR_INIT("\n\r\n\r"), ""},
        {STR_INIT("\xef\xbb\xbf"), ""},
        {STR_INIT("\xef\xbb\xbf\"a\",b"), "[a][b]\n"},
        {STR_INIT("a"), "[a]\n"},
        {STR_INIT("a,b\nc,d"), "[a][b]\n[c][d]\n"},
        {STR_INIT("a,b\r\nc,d\r\n"), "[a][b]\n[c][d]\n"},
        {STR_INIT("a,b\rc,d\r"), "[a][b]\n[c][d]\n"},
        {STR_INIT("a\n\n\r\n\rb\n"), "[a]\n[b]\n"},
        {STR_INIT(",\n,,"), "[][]\n[][][]\n"},
        {STR_INIT(" \n"), "[ ]\n"},
        {STR_INIT("\"\"\n\"\""), "[]\n[]\n"},
        {STR_INIT("\"a,b\",\"c\nd\r\ne\rf\"\n"), "[a,b][c\nd\r\ne\rf]\n"},
        {STR_INIT("\"a \"\"quoted\"\" word\",\"\"\"\",\"\"\"\"\"\""), "[a \"quoted\" word][\"][\"\"]\n"},
        {STR_INIT("12\" disc,a\"b\"c"), "[12\" disc][a\"b\"c]\n"},
        {STR_INIT(" \"a\""), "[ \"a\"]\n"},
        {STR_INIT("\"a\"\r\n\"b\"\r"), "[a]\n[b]\n"},
        {STR_INIT("caf\xc3\xa9,\xe2\x82\xac,\xf0\x9f\x8e\xac\n"), "[caf\xc3\xa9][\xe2\x82\xac][\xf0\x9f\x8e\xac]\n"},
        {STR_INIT("longer than a word of eight bytes,x\n"), "[longer than a word of eight bytes][x]\n"},
        {STR_INIT("\x0c\x2d\x0b,\x8c\xac"), NULL},                      /* not UTF-8 */
        {STR_INIT("-\x0b\x0c\x0e.+\x2b,z"), "[-\x0b\x0c\x0e.++][z]\n"}, /* neighbours of the characters looked for */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct csv *c;
        struct mrc_err err;
        struct buf b;
        buf_init(&b, NULL, 0);
        ck_assert_ok(csv_open_mem(&c, cases[i].text, &csv_limits_file, &err), &err);
        int rc = read_back(c, &b, &err);
        if (cases[i].records == NULL) {
            ck_assert_int_eq(rc, MRC_EFORMAT);
        } else {
            ck_assert_msg(rc == 0, "case %zu: %s", i, err.msg);
            ck_assert_text(buf_text(&b), cases[i].records);
        }
        csv_close(c);
        buf_release(&b);
    }
    csv_close(NULL);
}
END_TEST

START_TEST(cells_know_their_place)
{
    struct csv *c;
    struct mrc_err err;
    const struct csv_cell *cells;
    uint32_t n;
    ck_assert_ok(csv_open_mem(&c,
                              STR("\xef\xbb\xbf"
                                  "a,\"b\nb\",c\r\n\r\n\xc3\xa9,\"x\ry\r\nz\",\"w\"\n"),
                              &csv_limits_file, &err),
                 &err);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_uint_eq(csv_line(c), 1);
    ck_assert_uint_eq(n, 3);
    ck_assert(cells[0].line == 1 && cells[0].col == 1 && !cells[0].quoted);
    ck_assert(cells[1].line == 1 && cells[1].col == 3 && cells[1].quoted);
    ck_assert(cells[2].line == 2 && cells[2].col == 4);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_uint_eq(csv_line(c), 4);
    ck_assert(cells[0].line == 4 && cells[0].col == 1);
    ck_assert(cells[1].line == 4 && cells[1].col == 4);
    ck_assert(cells[2].line == 6 && cells[2].col == 4);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 0);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 0);
    csv_close(c);
}
END_TEST

START_TEST(malformed_text)
{
    static const struct {
        struct str text;
        const char *why;
        uint32_t line, col;
    } cases[] = {
        {STR_INIT("a,b\n1,\"open\n2,3\n"), "never closed", 2, 3},
        {STR_INIT("\""), "never closed", 1, 1},
        {STR_INIT("\"a\"\"\n"), "never closed", 1, 1},
        {STR_INIT("a\n\"x\ny\"z,1\n"), "after a closing quote (opened on line 2, column 1)", 3, 3},
        {STR_INIT("\"a\" ,b"), "after a closing quote", 1, 4},
        {STR_INIT("a,b\nc,d\xe9\n"), "byte 0xe9 is not valid UTF-8", 2, 4},
        {STR_INIT("a,b\n\"c\r\n\xff\"\n"), "byte 0xff is not valid UTF-8", 3, 1},
        {STR_INIT("a,b\nc\0d,e\n"), "NUL byte", 2, 2},
        {STR_INIT("\xff\xfe"
                  "a\0,\0b\0\n\0"),
         "byte 0xff is not valid UTF-8", 1, 1},
        {STR_INIT("a\xc3"), "byte 0xc3 is not valid UTF-8", 1, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct csv *c;
        struct mrc_err err = {0};
        struct buf b;
        buf_init(&b, NULL, 0);
        ck_assert_ok(csv_open_mem(&c, cases[i].text, &csv_limits_file, &err), &err);
        ck_assert_msg(read_back(c, &b, &err) == MRC_EFORMAT, "case %zu", i);
        ck_assert_msg(strstr(err.msg, cases[i].why) != NULL, "case %zu: %s", i, err.msg);
        ck_assert_msg(err.line == cases[i].line && err.col == cases[i].col, "case %zu: %u:%u", i, err.line, err.col);
        /* The same answer again, also to a caller who does not want the message. */
        struct mrc_err again = {0};
        ck_assert_int_eq(read_back(c, &b, &again), MRC_EFORMAT);
        ck_assert_str_eq(again.msg, err.msg);
        const struct csv_cell *cells;
        uint32_t n;
        ck_assert_int_eq(csv_next(c, &cells, &n, NULL), MRC_EFORMAT);
        csv_close(c);
        buf_release(&b);
    }
}
END_TEST

START_TEST(headers)
{
    struct csv *c;
    struct mrc_err err;
    const struct str *names;
    const struct csv_cell *cells;
    uint32_t n;
    ck_assert_ok(
        csv_open_mem(&c, STR("title,\"release, date\",x\nA,B,C\n1,2\n1,2,3,\"4\"\nD,E,F\n"), &csv_limits_file, &err),
        &err);
    ck_assert_ok(csv_header(c, &names, &n, &err), &err);
    ck_assert_uint_eq(n, 3);
    ck_assert_text(names[1], "release, date");
    ck_assert_int_eq(csv_column(c, STR("x")), 2);
    ck_assert_int_eq(csv_column(c, STR("X")), -1);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_text(cells[2].text, "C");
    ck_assert_text(names[0], "title");
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_EFORMAT, "2 cells, expected 3");
    ck_assert(err.line == 3 && err.col == 0);
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_EFORMAT, "4 cells, expected 3");
    ck_assert(err.line == 4 && err.col == 7);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1); /* the reader goes on behind a wrong record */
    ck_assert_text(cells[0].text, "D");
    ck_assert_uint_eq(csv_line(c), 5);
    ck_assert_fails(csv_header(c, &names, &n, &err), &err, MRC_EINVAL, "read already");
    csv_close(c);

    static const struct {
        struct str text;
        const char *why;
        uint32_t line, col;
    } bad[] = {
        {STR_INIT(""), "empty", 0, 0},
        {STR_INIT("\n\n"), "empty", 0, 0},
        {STR_INIT("a,,c\n"), "column 2 of 3 has no name", 1, 3},
        {STR_INIT("\na,\"b\",c,b,a\n"), "\"b\" stands twice: columns 2 and 4", 2, 9},
        {STR_INIT("a,\"b\n"), "never closed", 1, 3},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_ok(csv_open_mem(&c, bad[i].text, &csv_limits_file, &err), &err);
        ck_assert_fails(csv_header(c, &names, &n, &err), &err, MRC_EFORMAT, bad[i].why);
        ck_assert_msg(err.line == bad[i].line && err.col == bad[i].col, "case %zu: %u:%u", i, err.line, err.col);
        csv_close(c);
    }
}
END_TEST

START_TEST(limits_below_at_above)
{
    struct csv *c;
    struct mrc_err err;
    const struct csv_cell *cells;
    uint32_t n;
    struct csv_limits l = {.record_max = 8, .cells_max = 3};
    ck_assert_ok(csv_open_mem(&c, STR("12345678\r\n1,2,3\n1,2,3,4\n"), &l, &err), &err);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_ELIMIT, "more than 3 cells");
    ck_assert(err.line == 3 && err.col == 7);
    csv_close(c);
    ck_assert_ok(csv_open_mem(&c, STR("ok\n123456789\n"), &l, &err), &err);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_ELIMIT, "longer than 8 bytes");
    ck_assert_uint_eq(err.line, 2);
    csv_close(c);

    /* A quote left open in a large file stops at the ceiling, not at the end of memory; binary is called binary. */
    size_t size = 3 << 20;
    char *text = malloc(size);
    l = (struct csv_limits){.record_max = 1 << 20, .cells_max = 3};
    memset(text, 'a', size);
    for (size_t i = 100; i < size; i += 101) {
        text[i] = '\n';
    }
    memcpy(text + 101, "\"open", 5);
    ck_assert_ok(csv_open_mem(&c, (struct str){text, size}, &l, &err), &err);
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_ELIMIT, "quote not closed");
    ck_assert_uint_eq(err.line, 2);
    csv_close(c);
    memset(text, 'a', size);
    text[5000] = '\x80';
    ck_assert_ok(csv_open_mem(&c, (struct str){text, size}, &l, &err), &err);
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_EFORMAT, "0x80");
    csv_close(c);
    /* A character that the ceiling's buffer cuts in two is no error of the text. */
    for (size_t i = 0; i + 3 <= size; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    ck_assert_ok(csv_open_mem(&c, (struct str){text, size}, &l, &err), &err);
    ck_assert_fails(csv_next(c, &cells, &n, &err), &err, MRC_ELIMIT, "longer than 1048576");
    csv_close(c);
    free(text);
}
END_TEST

START_TEST(records_longer_than_the_buffer)
{
    struct buf b;
    struct csv *c;
    struct mrc_err err;
    const struct csv_cell *cells;
    uint32_t n;
    buf_init(&b, NULL, 0);
    for (int record = 0; record < 40; record++) {
        size_t length = (size_t)record * 40000;
        buf_puts(&b, "\"");
        for (size_t i = 0; i < length; i++) {
            buf_puts(&b, i % 7 == 0 ? "\"\"" : i % 11 == 0 ? "\n" : "\xc3\xa9");
        }
        buf_printf(&b, "\",%d\r\n", record);
    }
    ck_assert_ok(csv_open_mem(&c, buf_text(&b), &csv_limits_file, &err), &err);
    uint32_t line = 1;
    for (int record = 0; record < 40; record++) {
        ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
        ck_assert_uint_eq(n, 2);
        ck_assert_uint_eq(csv_line(c), line);
        size_t length = (size_t)record * 40000, bytes = 0;
        for (size_t i = 0; i < length; i++) {
            bool one = i % 7 == 0 || i % 11 == 0;
            bytes += one ? 1 : 2;
            line += i % 7 != 0 && i % 11 == 0;
        }
        line++;
        ck_assert_uint_eq(cells[0].text.n, bytes);
        int64_t number;
        ck_assert(parse_i64(cells[1].text, &number) && number == record);
    }
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 0);
    csv_close(c);
    buf_release(&b);
}
END_TEST

/* A pipe that gives one byte at a time: every possible place to stop and go on. */
START_TEST(one_byte_at_a_time)
{
    const char *text = "\xef\xbb\xbf"
                       "a,b\r\n\"x\"\"y\",\"\r\n\"\r\n\r\n\xc3\xa9,\"\"\r1,2";
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[0]);
        for (const char *p = text; *p != '\0'; p++) {
            if (write(ends[1], p, 1) != 1) {
                _exit(1);
            }
            nanosleep(&(struct timespec){0, 200000}, NULL);
        }
        _exit(0);
    }
    close(ends[1]);
    int saved = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    struct csv *c;
    struct mrc_err err;
    struct buf b;
    buf_init(&b, NULL, 0);
    ck_assert_ok(csv_open(&c, "-", &csv_limits_file, &err), &err);
    ck_assert_ok(read_back(c, &b, &err), &err);
    ck_assert_text(buf_text(&b), "[a][b]\n[x\"y][\r\n]\n[\xc3\xa9][]\n[1][2]\n");
    csv_close(c);
    dup2(saved, STDIN_FILENO);
    close(saved);
    buf_release(&b);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
    struct csv *c = NULL;
    struct mrc_err err;
    ck_assert_fails(csv_open(&c, "no-such-file.csv", &csv_limits_file, &err), &err, MRC_ENOTFOUND,
                    "no-such-file.csv: No such file");
    ck_assert_fails(csv_open(&c, ".", &csv_limits_file, &err), &err, MRC_EIO, "folder");
    ck_assert_ptr_null(c);
}
END_TEST

/* Taken as text and read in pieces: the same records and places as one by one, for any size of block and piece. */
static void read_parts(const char *text, size_t bytes, uint32_t n_pieces, struct buf *out)
{
    struct csv *c, *part;
    struct mrc_err err = {0};
    const struct str *names;
    const struct csv_cell *cells;
    struct str block, pieces[8];
    uint32_t n, lines = 0;
    int rc;
    ck_assert_ok(csv_open_mem(&c, str_of(text), &csv_limits_file, &err), &err);
    ck_assert_ok(csv_header(c, &names, &n, &err), &err);
    uint32_t before = csv_lines(c);
    while ((rc = csv_take(c, bytes, lines, &block, &err)) > 0) {
        uint32_t count = csv_cut(block, n_pieces, pieces);
        size_t sum = 0;
        lines = 0;
        for (uint32_t i = 0; i < count; i++) {
            ck_assert_ptr_eq(pieces[i].p, block.p + sum);
            sum += pieces[i].n;
            ck_assert_ok(csv_open_part(&part, c, pieces[i], &err), &err);
            while ((rc = csv_next(part, &cells, &n, &err)) > 0) {
                buf_printf(out, "%u:", before + lines + cells[0].line);
                for (uint32_t k = 0; k < n; k++) {
                    buf_printf(out, "[%.*s]", STR_ARG(cells[k].text));
                }
            }
            ck_assert_ok(rc, &err);
            lines += csv_lines(part);
            csv_close(part);
        }
        ck_assert_uint_eq(sum, block.n);
        before += lines;
    }
    ck_assert_ok(rc, &err);
    csv_close(c);
}

START_TEST(parts_read_the_same)
{
    static const char *const texts[] = {"a,b\n1,2\n3,4\n5,6\n7,8", "a,b\r\n1,2\r\n\r\n3,4\r\n",
                                        "a,b\r1,2\r\r3,4\r5,6\r",
                                        "a,b\n1,\"2\n\n\"\n\"3,\"\"\r\n\",4\n5\",6\"\n\n7,\"\"\n", "a,b\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct buf whole, parts;
        struct csv *c;
        struct mrc_err err = {0};
        const struct str *names;
        const struct csv_cell *cells;
        uint32_t n;
        buf_init(&whole, NULL, 0);
        buf_init(&parts, NULL, 0);
        ck_assert_ok(csv_open_mem(&c, str_of(texts[i]), &csv_limits_file, &err), &err);
        ck_assert_ok(csv_header(c, &names, &n, &err), &err);
        while (csv_next(c, &cells, &n, &err) > 0) {
            buf_printf(&whole, "%u:", cells[0].line);
            for (uint32_t k = 0; k < n; k++) {
                buf_printf(&whole, "[%.*s]", STR_ARG(cells[k].text));
            }
        }
        csv_close(c);
        for (size_t bytes = 1; bytes < 40; bytes++) {
            for (uint32_t pieces = 1; pieces <= 8; pieces++) {
                buf_reset(&parts);
                read_parts(texts[i], bytes, pieces, &parts);
                ck_assert_msg(str_eq(buf_text(&parts), buf_text(&whole)), "text %zu, %zu bytes, %u pieces: %.*s", i,
                              bytes, pieces, STR_ARG(buf_text(&parts)));
            }
        }
        buf_release(&whole);
        buf_release(&parts);
    }
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    static const char *const cells_in[] = {"",       "plain",        "a,b", "say \"hi\"", "line\nend", "cr\r", " lead",
                                           "tail\t", "\xef\xbb\xbf", "\"",  "\xc3\xa9",   "x;y",       "'"};
    enum { N = sizeof(cells_in) / sizeof(cells_in[0]) };
    struct buf b;
    struct csv *c;
    struct mrc_err err;
    const struct csv_cell *cells;
    uint32_t n;
    buf_init(&b, NULL, 0);
    for (size_t shift = 0; shift < N; shift++) {
        for (size_t i = 0; i < N; i++) {
            csv_put(&b, str_of(cells_in[(i + shift) % N]), i == 0);
        }
        buf_char(&b, '\n');
        csv_put(&b, str_of(cells_in[shift]), true);
        buf_char(&b, '\n');
    }
    ck_assert_ok(csv_open_mem(&c, buf_text(&b), &csv_limits_file, &err), &err);
    for (size_t shift = 0; shift < N; shift++) {
        ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
        ck_assert_uint_eq(n, N);
        for (size_t i = 0; i < N; i++) {
            ck_assert_text(cells[i].text, cells_in[(i + shift) % N]);
        }
        ck_assert_int_eq(csv_next(c, &cells, &n, &err), 1);
        ck_assert_uint_eq(n, 1);
        ck_assert_text(cells[0].text, cells_in[shift]);
    }
    ck_assert_int_eq(csv_next(c, &cells, &n, &err), 0);
    csv_close(c);
    buf_reset(&b);
    csv_put(&b, STR("a b"), true);
    csv_put(&b, STR(""), false);
    csv_put(&b, STR("5\""), false);
    ck_assert_text(buf_text(&b), "a b,,\"5\"\"\"");
    buf_release(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("csv");
    TCase *t = tcase_create("csv");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, records_and_cells);
    tcase_add_test(t, cells_know_their_place);
    tcase_add_test(t, malformed_text);
    tcase_add_test(t, headers);
    tcase_add_test(t, limits_below_at_above);
    tcase_add_test(t, records_longer_than_the_buffer);
    tcase_add_test(t, one_byte_at_a_time);
    tcase_add_test(t, files_that_cannot_be_read);
    tcase_add_test(t, parts_read_the_same);
    tcase_add_test(t, what_is_written_reads_back);
    suite_add_tcase(s, t);
    return check_main(s);
}
