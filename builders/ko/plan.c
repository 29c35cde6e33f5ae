#include "builders/ko/plan.h"

#include <string.h>
#include <sys/stat.h>

#include "builders/ko/args.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/image/ref.h"
#include "lib/io/file.h"

void skf_ko_plan_release(struct skf_ko_plan *p)
{
    free(p->workdir);
    free(p->run_dir);
    free(p->pattern);
    free(p->go);
    free(p->repo);
    free(p->name);
    free(p->tag);
    skf_koyaml_release(&p->yaml);
    skf_strv_release(&p->env.text);
    skf_strv_release(&p->flags.text);
    skf_strv_release(&p->ldflags.text);
    skf_strv_release(&p->labels.text);
    skf_strv_release(&p->label_keys);
    skf_strv_release(&p->arg_labels);
    skf_strv_release(&p->annotations);
    free(p->user);
    skf_ko_platforms_release(&p->platforms);
    free(p->from_image);
    skf_strv_release(&p->roots);
    skf_strv_release(&p->notes);
    memset(p, 0, sizeof *p);
}

static int epoch(const char *name, long long *out, struct skf_err *err)
{
    const char *text = getenv(name);
    *out = -1;
    if (!text || !text[0] || skf_num_parse(text, 0, 253402300799LL, out))
        return 0;
    return skf_err_set(err, SKF_ECONFIG,
                       "%s is '%s': expected the seconds since 1970-01-01 00:00 UTC", name, text);
}

static int find_go(struct skf_ko_plan *p, struct skf_err *err)
{
    const char *given = getenv("KO_GO_PATH");
    bool own = given && given[0];
    p->go = skf_proc_which(own ? given : "go");
    if (p->go) {
        skf_replace(&p->go, skf_path_abs(NULL, p->go));
        return 0;
    }
    if (own)
        return skf_err_set(err, SKF_ENOTFOUND, "KO_GO_PATH: no program at '%s'", given);
    return skf_err_set(
        err, SKF_ENOTFOUND,
        "go is not installed or not in PATH: install it (https://go.dev/dl), add its "
        "bin directory to PATH, or set KO_GO_PATH");
}

/* "." | "./cmd/x" | "cmd/x" | "cmd/x/main.go" -> a pattern that Go reads as a directory. */
static char *local_pattern(const char *dir, const char *main_)
{
    skf_autofree char *full = skf_path_abs(dir, main_);
    struct stat st;
    bool there = stat(full, &st) == 0;
    bool dots = main_[0] == '.';
    if (there && S_ISREG(st.st_mode))
        skf_replace(&full, skf_path_dir(full));
    else if (!dots && main_[0] != '/' && !(there && S_ISDIR(st.st_mode)))
        return skf_xstrdup(main_); /* an import path */
    else if (strstr(main_, "..."))
        return skf_xstrdup(main_);
    skf_autofree char *rel = skf_path_rel(dir, full);
    if (strcmp(rel, ".") == 0 || strncmp(rel, "..", 2) == 0)
        return skf_take(&rel);
    return skf_xasprintf("./%s", rel);
}

static void split_reference(struct skf_ko_plan *p, const char *reference)
{
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    const char *name = "", *tag = NULL;
    if (reference && skf_ref_parse(reference, &ref, &ignored) == 0) {
        name = ref.name;
        tag = ref.tag;
    }
    const char *slash = strrchr(name, '/');
    p->repo = slash ? skf_xstrndup(name, (size_t)(slash - name)) : skf_xstrdup("");
    p->name = skf_xstrdup(slash ? slash + 1 : name);
    p->tag = skf_xstrdup(tag ? tag : "latest");
    skf_ref_release(&ref);
}

static void add_strings(struct skf_strv *to, const struct skf_strings *from)
{
    for (size_t i = 0; i < from->n; i++)
        skf_strv_add(to, from->v[i]);
}

/* skaffold.yaml's own list, else the default of .ko.yaml (which has no positions that
 * skaffold.yaml's reader could point at). */
static void choose_list(struct skf_ko_texts *out, const char *field, const struct skf_strings *own,
                        const struct skf_strv *fallback)
{
    out->field = field;
    if (own && own->n) {
        add_strings(&out->text, own);
        out->at = own->at;
    } else {
        skf_strv_addv(&out->text, fallback);
    }
}

static const struct skf_ko_build_entry *entry_for(const struct skf_ko_plan *p,
                                                  const char *package_dir)
{
    const struct skf_ko_build_entry *found = NULL;
    for (size_t i = 0; i < p->yaml.builds.n; i++) {
        const struct skf_ko_build_entry *e = &p->yaml.builds.v[i];
        skf_autofree char *dir = skf_path_abs(p->workdir, e->dir);
        skf_autofree char *main_ = skf_path_abs(dir, e->main);
        struct stat st;
        if (stat(main_, &st) == 0 && S_ISREG(st.st_mode))
            skf_replace(&main_, skf_path_dir(main_));
        if (strcmp(main_, package_dir) == 0)
            found = e; /* as in ko, a later entry for the same package wins */
    }
    return found;
}

void skf_ko_plan_use_entry(struct skf_ko_plan *p, const char *package_dir)
{
    const struct skf_ko_build_entry *e = entry_for(p, package_dir);
    if (e && p->own_config) {
        skf_autofree char *show = skf_path_show(p->yaml.file);
        skf_strv_addf(&p->notes,
                      "%s:%d: this entry of 'builds' does not count: skaffold.yaml sets dir, "
                      "main, env, flags or ldflags itself",
                      show, e->line);
    }
    if (!e || p->own_config)
        return;
    struct {
        struct skf_ko_texts *to;
        const struct skf_strv *from;
    } lists[] = { { &p->env, &e->env }, { &p->flags, &e->flags }, { &p->ldflags, &e->ldflags } };
    for (size_t i = 0; i < SKF_ARRAY_LEN(lists); i++) {
        if (!lists[i].from->n)
            continue;
        skf_strv_clear(&lists[i].to->text);
        skf_strv_addv(&lists[i].to->text, lists[i].from);
        lists[i].to->at = NULL;
    }
    p->caps = e->caps;
    skf_replace(&p->run_dir, skf_path_abs(p->workdir, e->dir));
    if (!p->strict)
        skf_replace(&p->pattern, local_pattern(p->run_dir, package_dir));
}

static int use_args(struct skf_ko_plan *p, const struct skf_ko_options *o,
                    struct skf_strv *platforms, struct skf_err *err)
{
    struct skf_ko_args args = { 0 };
    int rc = skf_ko_args_parse(&o->args, &args, err);
    if (rc == 0) {
        /* On ko's command line --ldflags replaces what the configuration says. */
        if (args.ldflags.n) {
            skf_strv_swap(&p->ldflags.text, &args.ldflags);
            p->ldflags.at = NULL;
        }
        if (args.build_flags.n) {
            skf_strv_addv(&p->flags.text, &args.build_flags);
            p->flags.at = NULL;
        }
        skf_strv_swap(platforms, &args.platforms);
        skf_strv_swap(&p->arg_labels, &args.labels);
        skf_strv_swap(&p->annotations, &args.annotations);
        skf_strv_addv(&p->notes, &args.notes);
        p->user = skf_take(&args.user);
        p->no_sbom = args.no_sbom;
        p->no_optimizations = args.no_optimizations;
    }
    skf_ko_args_release(&args);
    return rc;
}

static int load_lists(struct skf_ko_plan *p, const struct skf_ko_options *o, struct skf_err *err)
{
    choose_list(&p->env, "env", o ? &o->env : NULL, &p->yaml.env);
    choose_list(&p->flags, "flags", o ? &o->flags : NULL, &p->yaml.flags);
    choose_list(&p->ldflags, "ldflags", o ? &o->ldflags : NULL, &p->yaml.ldflags);
    p->labels.field = "labels";
    for (size_t i = 0; o && i < o->labels.n; i++) {
        const struct skf_pair *l = &o->labels.v[i];
        if (!l->key[0])
            return skf_node_err(err, l->at, SKF_ECONFIG, "a label without a name");
        skf_strv_add(&p->label_keys, l->key);
        skf_strv_add(&p->labels.text, l->value ? l->value : "");
    }
    return 0;
}

static bool says(const char *text)
{
    return text && text[0] && strcmp(text, ".") != 0;
}

static int load(const struct skf_build_context *ctx, const char *reference,
                const struct skf_target *target, struct skf_ko_plan *p, struct skf_err *err)
{
    const struct skf_ko_options *o = ctx->artifact->options;
    const char *dir = o && o->dir && o->dir[0] ? o->dir : ".";
    const char *main_ = o && o->main && o->main[0] ? o->main : ".";
    skf_autostrv struct skf_strv arg_platforms = SKF_STRV_INIT;

    p->workdir = skf_path_abs(ctx->dir, dir);
    p->run_dir = skf_xstrdup(p->workdir);
    if (!skf_file_is_dir(p->workdir))
        return skf_err_set(err, SKF_ECONFIG, "no directory '%s': check 'context' and 'dir' of '%s'",
                           p->workdir, ctx->artifact->image);
    p->strict = strncmp(ctx->artifact->image, "ko://", 5) == 0;
    p->pattern =
        p->strict ? skf_xstrdup(ctx->artifact->image + 5) : local_pattern(p->workdir, main_);
    if (p->pattern[0] == '-')
        return skf_err_set(err, SKF_ECONFIG, "'%s' is no package", p->pattern);
    p->own_config = o && (says(o->dir) || says(o->main) || o->env.n || o->flags.n || o->ldflags.n);
    p->dev = ctx->dev;
    p->debug = ctx->debug;
    split_reference(p, reference);
    int rc = find_go(p, err);
    rc = rc < 0 ? rc : skf_koyaml_load(p->workdir, &p->yaml, err);
    rc = rc < 0 ? rc : epoch("SOURCE_DATE_EPOCH", &p->source_epoch, err);
    rc = rc < 0 ? rc : epoch("KO_DATA_DATE_EPOCH", &p->data_epoch, err);
    rc = rc < 0 ? rc : load_lists(p, o, err);
    if (rc < 0)
        return rc;
    skf_strv_addv(&p->notes, &p->yaml.notes);
    if (o && o->from_image && o->from_image[0])
        p->from_image = skf_xstrdup(o->from_image);
    if (!p->strict) {
        skf_autofree char *package_dir = skf_path_abs(p->run_dir, p->pattern);
        skf_ko_plan_use_entry(p, package_dir);
    }
    rc = o ? use_args(p, o, &arg_platforms, err) : 0;
    struct skf_ko_texts *texts[] = { &p->env, &p->flags, &p->ldflags, &p->labels };
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts) && rc == 0; i++)
        rc = skf_ko_plan_collect_roots(p, texts[i], err);
    if (rc < 0)
        return rc;
    const char *arch =
        target && reference ? skf_ko_default_arch(target, reference) : skf_ko_host_arch();
    return skf_ko_platforms_choose(ctx->platforms,
                                   arg_platforms.n ? &arg_platforms : &p->yaml.platforms, arch,
                                   &p->platforms, err);
}

int skf_ko_plan_load(const struct skf_build_context *ctx, const char *reference,
                     const struct skf_target *target, struct skf_ko_plan *out, struct skf_err *err)
{
    struct skf_ko_plan p = { 0 };
    int rc = load(ctx, reference, target, &p, err);
    if (rc < 0)
        skf_ko_plan_release(&p);
    else
        *out = p;
    return rc;
}
