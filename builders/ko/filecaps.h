/* builders/ko/filecaps.h: `linux_capabilities` of .ko.yaml: what the program may do beyond its
 * user, as the kernel keeps it with a file (ko-behaviour.md 9.5). */
#ifndef SKF_BUILDERS_KO_FILECAPS_H
#define SKF_BUILDERS_KO_FILECAPS_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

struct skf_ko_filecaps {
    bool any;
    unsigned char bytes[20]; /* the attribute security.capability */
};
/* Terms: a name ("net_bind_service", "CAP_CHOWN", "10", "all"), which is permitted; or a clause of
 * cap_from_text(3), "cap1,cap2=ep". */
int skf_ko_filecaps_parse(const struct skf_strv *terms, struct skf_ko_filecaps *out,
                          struct skf_err *err);
#endif
