#include "common/trees/model.h"
int model_read_json(mrc_model *m, struct str text, struct mrc_err *err) { (void)m; (void)text; return mrc_fail(err, MRC_EUNSUPPORTED, "JSON models cannot be read"); }
int model_write_json(const mrc_model *m, struct buf *b, struct mrc_err *err) { (void)m; (void)b; return mrc_fail(err, MRC_EUNSUPPORTED, "JSON models cannot be written"); }
