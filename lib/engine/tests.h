/* lib/engine/tests.h: the custom tests of built images.
 *
 * happy path: image by image, test by test: what its dependency command prints, then the command
 *             itself; done(NULL).
 * failures:   the first test that fails ends it: SKF_ECHILD or SKF_ETIMEDOUT with the command.
 * on cancel:  the running command ends with its whole process group; done(SKF_ECANCELED). */
#ifndef SKF_ENGINE_TESTS_H
#define SKF_ENGINE_TESTS_H
#include <stdbool.h>

#include "lib/config/model.h"
#include "lib/engine/builder.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"

/* One test of the configuration. */
struct skf_test_case {
    const struct skf_module *module;
    const struct skf_test *test;
    const struct skf_custom_test *custom;
    const char *reference; /* of the image */
};

/* The files that a dependency command named. */
struct skf_test_files {
    const struct skf_custom_test *custom;
    struct skf_strv paths; /* absolute */
};

struct skf_tests {
    /* --- set by the caller; borrowed until done ------------------------------------------------
     */
    const struct skf_config *config;
    const struct skf_pair *images; /* to test: name in the file -> reference */
    size_t n_images;
    void *data;
    void (*on_start)(struct skf_tests *t, const struct skf_test_case *c);
    void (*on_line)(struct skf_tests *t, const char *line);
    void (*on_pass)(struct skf_tests *t, const struct skf_test_case *c);
    void (*done)(struct skf_tests *t, const struct skf_err *err); /* never from inside start */
    /* --- result: lasts until release -----------------------------------------------------------
     */
    SKF_VEC(struct skf_test_files) files;
    /* --- private ------------------------------------------------------------------------------ */
    uv_loop_t *loop;
    SKF_VEC(struct skf_test_case) cases;
    size_t at;
    struct skf_defer first;
    struct skf_proc proc;
    bool running, cancelled;
};

/* Has the configuration tests for one of these images? */
bool skf_tests_any(const struct skf_config *config, const struct skf_pair *images, size_t n);
void skf_tests_start(uv_loop_t *loop, struct skf_tests *t);
void skf_tests_cancel(struct skf_tests *t); /* only asks */
void skf_tests_release(struct skf_tests *t);

/* What the `paths` of a test mean; `ignore` is left out. Absolute. */
void skf_test_inputs(const struct skf_module *m, const struct skf_test *test,
                     const struct skf_custom_test *custom, struct skf_inputs *out);
#endif
