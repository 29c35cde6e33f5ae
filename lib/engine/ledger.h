/* lib/engine/ledger.h: where the milliseconds of a loop went. The parts follow each other and add
 * up to the total, from the moment of the save to the last thing that was waited for. */
#ifndef SKF_ENGINE_LEDGER_H
#define SKF_ENGINE_LEDGER_H
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/vec.h"

enum skf_ledger_part {
    SKF_LEDGER_NOTICE,  /* the save -> we know of it */
    SKF_LEDGER_SYNC,    /* changed files into running containers */
    SKF_LEDGER_BUILD,   /* the toolchain */
    SKF_LEDGER_LAYER,   /* layers and hashes */
    SKF_LEDGER_DELIVER, /* to the registry or node */
    SKF_LEDGER_APPLY,   /* render and kubectl */
    SKF_LEDGER_READY,   /* applied -> the new version serves */
    SKF_LEDGER_COUNT,
};

struct skf_ledger {
    int64_t us[SKF_LEDGER_COUNT]; /* -1: this part did not happen */
    int64_t total_us;
};

void skf_ledger_clear(struct skf_ledger *l);
/* "notice 12 · build 610 · layer 31 · deliver 18 · apply 160 · ready 900 = 1731 ms" */
void skf_ledger_format(const struct skf_ledger *l, struct skf_buf *out);

/* All loops of a session, for the line at its end. */
struct skf_ledger_history {
    SKF_VEC(int64_t) totals_us;
};
void skf_ledger_remember(struct skf_ledger_history *h, const struct skf_ledger *l);
/* q in 0..100; 0 when there are none. */
int64_t skf_ledger_percentile_us(const struct skf_ledger_history *h, int q);
void skf_ledger_history_release(struct skf_ledger_history *h);
#endif
