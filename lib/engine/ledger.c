#include "lib/engine/ledger.h"

#include <stdlib.h>

void skf_ledger_clear(struct skf_ledger *l)
{
    for (int i = 0; i < SKF_LEDGER_COUNT; i++)
        l->us[i] = -1;
    l->total_us = 0;
}

void skf_ledger_format(const struct skf_ledger *l, struct skf_buf *out)
{
    static const char *const names[SKF_LEDGER_COUNT] = { "notice",  "sync",  "build", "layer",
                                                         "deliver", "apply", "ready" };
    bool first = true;
    /* Rounded from running sums, so that the printed parts add up to the printed total. */
    int64_t sum_us = 0, shown_ms = 0;
    for (int i = 0; i < SKF_LEDGER_COUNT; i++) {
        if (l->us[i] < 0)
            continue;
        sum_us += l->us[i];
        int64_t upto_ms = (sum_us + 500) / 1000;
        skf_buf_addf(out, "%s%s %lld", first ? "" : " · ", names[i],
                     (long long)(upto_ms - shown_ms));
        shown_ms = upto_ms;
        first = false;
    }
    skf_buf_addf(out, "%s= %lld ms", first ? "" : " ", (long long)(l->total_us + 500) / 1000);
}

void skf_ledger_remember(struct skf_ledger_history *h, const struct skf_ledger *l)
{
    enum { KEPT = 10000 };
    if (h->totals_us.n == KEPT)
        skf_vec_remove(&h->totals_us, 0);
    skf_vec_push(&h->totals_us, l->total_us);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t skf_ledger_percentile_us(const struct skf_ledger_history *h, int q)
{
    size_t n = h->totals_us.n;
    if (!n)
        return 0;
    int64_t *sorted = skf_xmemdup(h->totals_us.v, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    size_t rank = (n * (size_t)q + 99) / 100; /* nearest rank, 1-based */
    int64_t value = sorted[rank ? rank - 1 : 0];
    free(sorted);
    return value;
}

void skf_ledger_history_release(struct skf_ledger_history *h)
{
    skf_vec_release(&h->totals_us);
}
