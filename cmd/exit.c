#include "cmd/exit.h"

int exit_code_of(enum skf_stage stage, const struct skf_err *err)
{
    static const int codes[] = {
        [SKF_STAGE_NONE] = EXIT_CODE_FAILED,     [SKF_STAGE_CONFIG] = EXIT_CODE_CONFIG,
        [SKF_STAGE_CLUSTER] = EXIT_CODE_CLUSTER, [SKF_STAGE_BUILD] = EXIT_CODE_BUILD,
        [SKF_STAGE_DELIVER] = EXIT_CODE_DELIVER, [SKF_STAGE_DEPLOY] = EXIT_CODE_DEPLOY,
        [SKF_STAGE_STATUS] = EXIT_CODE_STATUS,
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
