/* Any bytes as a .cbm: the first four are made its magic, so that none is spent on finding it. */
#include "tests/fuzz/any_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    if (!copy) {
        return 0;
    }
    memcpy(copy, data, size);
    memcpy(copy, "CBM1", 4);
    try_model(copy, size);
    free(copy);
    return 0;
}
