/* builders/ko/ko.h: Go sources to an image, without Dockerfile, daemon or the ko program.
 *
 * - options.c: what may stand under `ko:`; args.c: ko's command line flags under `ko: args`
 * - koyaml.c: .ko.yaml and KO_* variables; plan.c: all of it merged
 * - facts.c: git and go env, when a template asks; settings.c: templates expanded, flags checked
 * - platform.c: which platforms, and the rules of GOOS and GOARCH
 * - golist.c: one question to `go list`; prepare.c: plan, facts and main package
 * - outdir.c: a stable place for the binary; gobuild.c: one `go build`; goerror.c: its messages
 * - base.c: the base image; kodata.c: the layer of static files; elf.c: what a program file says
 * - assemble.c: layers, config, index
 * - helper.c, build_helper.c: the debugger and the receiver of synced files (receiver/), for the
 *   inner loop; where.c: the seam's `where`
 * - cachekey.c: what else decides an image; build.c, build_parts.c: the seam's `start`; session.c:
 * what is remembered between two builds
 * - goscan.c: the part of a .go file that decides what is read; inputs.c, watchlist.c: `inputs` */
#ifndef SKF_BUILDERS_KO_KO_H
#define SKF_BUILDERS_KO_KO_H
#include "lib/config/field.h"
#include "lib/engine/builder.h"

/* What stands under `ko:`. Filled by the config loader from skf_ko_fields. */
struct skf_ko_options {
    const char *from_image, *dir, *main;
    struct skf_strings env, flags, ldflags, args;
    struct skf_pairs labels;
    struct skf_ko_dependencies {
        struct skf_strings paths, ignore;
    } * dependencies; /* NULL = Go's own answer */
};
extern const struct skf_field skf_ko_fields[];

extern const struct skf_builder_ops skf_builder_ko;

/* The two operations of the seam; see lib/engine/builder.h. */
void skf_ko_inputs_start(struct skf_inputs_job *j);
void skf_ko_inputs_cancel(struct skf_inputs_job *j);
void skf_ko_build_start(struct skf_build *b);
void skf_ko_build_cancel(struct skf_build *b);
enum { SKF_KO_DEBUG_PORT = 56268 };
extern const char *const skf_ko_debugger[]; /* ends with NULL */
const char *skf_ko_receiver(const struct skf_build_context *ctx);
bool skf_ko_where(const struct skf_build_context *ctx, const char *path, bool gone,
                  struct skf_strv *to);
bool skf_ko_cache_key(const struct skf_build_context *ctx, struct skf_buf *out);
#endif
