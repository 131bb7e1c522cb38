/* What a training found, as pictures: one SVG per model of a bundle's report.json. */
#ifndef MRC_FORECAST_REPORT_PICTURE_H
#define MRC_FORECAST_REPORT_PICTURE_H

#include "common/base/json.h"

/* Learning curve, importance of fields, what intervals held, error by year. model: a member of the report's `models`;
 * a panel whose figures are absent says so. title: text above, in UTF-8. The same report gives the same bytes. */
void report_picture(const struct json *model, struct str title, struct buf *out);

#endif
