/* builders/ko/helper.h: a Go program of ours or of others that goes into images for the inner loop,
 * beside the user's: the receiver of synced files, the debugger. Built once for a toolchain and a
 * platform, with the user's Go, and kept in the cache.
 *
 * happy path: in the cache, or Go builds it -> its layer (pool) -> done(NULL).
 * failures:   Go cannot build or fetch it: SKF_EBUILD with its words.
 * on cancel:  the child ends; done with SKF_ECANCELED. */
#ifndef SKF_BUILDERS_KO_HELPER_H
#define SKF_BUILDERS_KO_HELPER_H
#include "lib/image/image.h"
#include "lib/image/layer.h"
#include "lib/image/ref.h"
#include "lib/io/flow.h"
#include "lib/io/proc.h"
#include "lib/io/work.h"

enum skf_ko_helper_kind { SKF_KO_RECEIVER, SKF_KO_DELVE };
/* Where it is in the image. */
#define SKF_KO_RECEIVER_PATH "/ko-app/.skiff/sync"
#define SKF_KO_DELVE_PATH "/ko-app/dlv"

struct skf_ko_helper {
    /* --- set by the caller; borrowed until done ----------------------------------------------- */
    uv_loop_t *loop;
    enum skf_ko_helper_kind kind;
    const char *go, *cache_dir;
    const struct skf_platform *platform;
    enum skf_compression how;
    const char *media_type; /* of the layer; literal */
    void *data;
    void (*on_line)(struct skf_ko_helper *h, const char *line);
    void (*done)(struct skf_ko_helper *h, const struct skf_err *err); /* never from inside start */
    /* --- results ------------------------------------------------------------------------------ */
    struct skf_blob *layer; /* owned */
    char diff_id[SKF_DIGEST_TEXT];
    /* --- private ------------------------------------------------------------------------------ */
    struct skf_flow flow;
    struct skf_proc proc;
    struct skf_work work;
    char *dir, *program;
    char *made; /* what Go writes, before it has its name; two builds may be at it at once */
    bool proc_used, here;
    int fd;
};
void skf_ko_helper_start(struct skf_ko_helper *h);
void skf_ko_helper_cancel(struct skf_ko_helper *h);
void skf_ko_helper_release(struct skf_ko_helper *h); /* before start or from done on */
#endif
