/* Any bytes as a model in JSON. */
#include "tests/fuzz/any_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || memcmp(data, "CBM1", 4) != 0) {
        try_model(data, size);
    }
    return 0;
}
