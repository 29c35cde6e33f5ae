#include "cmd/exit.h"

#include <string.h>

#include "lib/base/mem.h"

int exit_code_of_stage(const char *name)
{
    static const struct {
        const char *name;
        int code;
    } stages[] = { { "config", EXIT_CODE_CONFIG },
                   { "build", EXIT_CODE_BUILD },
                   { "deploy", EXIT_CODE_DEPLOY },
                   { "status", EXIT_CODE_STATUS } };
    for (size_t i = 0; name && i < SKF_ARRAY_LEN(stages); i++)
        if (strcmp(stages[i].name, name) == 0)
            return stages[i].code;
    return EXIT_CODE_FAILED;
}

int exit_code_of(enum skf_stage stage, const struct skf_err *err)
{
    static const int codes[] = {
        [SKF_STAGE_NONE] = EXIT_CODE_FAILED,     [SKF_STAGE_CONFIG] = EXIT_CODE_CONFIG,
        [SKF_STAGE_CLUSTER] = EXIT_CODE_CLUSTER, [SKF_STAGE_BUILD] = EXIT_CODE_BUILD,
        [SKF_STAGE_DELIVER] = EXIT_CODE_DELIVER, [SKF_STAGE_DEPLOY] = EXIT_CODE_DEPLOY,
        [SKF_STAGE_STATUS] = EXIT_CODE_STATUS,   [SKF_STAGE_TEST] = EXIT_CODE_FAILED,
    };
    switch (err->code) {
    case SKF_OK:
        return EXIT_CODE_OK;
    case SKF_EUSAGE:
        return EXIT_CODE_USAGE;
    case SKF_ECONFIG:
        return EXIT_CODE_CONFIG;
    case SKF_EBUG:
        return EXIT_CODE_BUG;
    default:
        return codes[stage];
    }
}
