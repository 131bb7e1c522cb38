/* refresh: a new version of a private bundle with what newer films have taught. */
#include "common/base/date.h"
#include "common/base/file.h"
#include "common/forecast/refresh.h"
#include "train/command.h"

#include <stdlib.h>
#include <time.h>

enum option { MODEL, DATA, OUT, INCOMPLETE, MAX_BAD, OPTION__COUNT };
static const struct setting_spec specs[OPTION__COUNT] = {
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'm', NULL, "Private bundle to refresh"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL,
              "CSV of the films of a week or of several, as for fit"},
    [OUT] = {"out", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'o', NULL,
             "Bundle folder to make, e.g. models/first-week/0001-2026w47; must not exist"},
    [INCOMPLETE] = {"incomplete", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL,
                    "Not all films of these weeks are in the file: sums over them stay unknown until they are"},
    [MAX_BAD] = {"max_bad", SETTING_INT, "0", 0, 1e9, NULL, 0, 0, NULL,
                 "Leave out and count up to this many wrong rows"},
};

/* SOURCE_DATE_EPOCH (reproducible-builds.org) makes two equal runs equal to the byte. */
static int stamp_now(char out[STAMP_TEXT], struct mrc_err *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, seconds;
    if (epoch) {
        if (!parse_i64(str_of(epoch), &seconds) || seconds < 0 || seconds > 253402300799) {
            return mrc_fail(err, MRC_EINVAL, "SOURCE_DATE_EPOCH \"%s\" is no Unix time", epoch);
        }
        ms = seconds * 1000;
    }
    stamp_format(ms, out);
    return MRC_OK;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    struct bundle *b;
    struct film_data *d = NULL;
    char created[STAMP_TEXT];
    const struct refresh_options options = {.complete = !setting_bool(s, INCOMPLETE), .created = created};
    if (file_exists(setting_cstr(s, OUT))) {
        return mrc_fail(err, MRC_ECONFLICT, "%s exists; a version never changes: choose the next",
                        setting_cstr(s, OUT));
    }
    MRC_TRY(stamp_now(created, err));
    MRC_TRY(bundle_open(&b, setting_cstr(s, MODEL), err));
    struct film_data_options reading = {.max_bad = (uint64_t)setting_int(s, MAX_BAD), .need_target = true};
    int rc = film_data_read(&d, b->schema, setting_cstr(s, DATA), &reading, err);
    if (rc == MRC_OK) {
        rc = bundle_refresh(b, setting_cstr(s, OUT), d, &options, err);
    }
    film_data_free(d);
    bundle_close(b);
    return rc;
}

int cmd_refresh(int argc, char **argv)
{
    static const struct command command = {
        "refresh",
        "--model BUNDLE --data WEEK.csv [--incomplete] --out NEW_BUNDLE",
        "Makes a new version of a private bundle: the same trees, tables that know the films of the file, and "
        "intervals\n"
        "that follow their errors. Films known before under the same film_id are replaced. Weekly files in order give\n"
        "the tables that all of them at once give.",
        specs,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
