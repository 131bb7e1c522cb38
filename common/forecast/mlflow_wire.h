/* One HTTP request to MLflow, beneath the calls: for mlflow*.c only. */
#ifndef MRC_FORECAST_MLFLOW_WIRE_H
#define MRC_FORECAST_MLFLOW_WIRE_H

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/mlflow.h"

struct mlflow_request {
    enum mlflow_method method;
    const char *path; /* behind the base address, with its query */
    const char *what; /* the call, for messages */
    struct str body;
    enum mlflow_repeat repeat;
    /* A file instead of a text: content of fd, `bytes` long, to send; or into fd (-1: nowhere), at most bytes_max. */
    bool from_file, to_file;
    int fd;
    uint64_t bytes, bytes_max;
    /* filled: */
    char digest[SHA256_HEX]; /* of a file received */
    uint64_t received;
    char content_type[64];
};
/* Send and receive, with retries. *text: the answer, or a refusal's words; emptied first. */
int mlflow_send(struct mlflow *m, struct mlflow_request *r, struct buf *text, struct mrc_err *err) MRC_CHECKED;

#endif
