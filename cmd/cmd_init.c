/* skiff init: [scan] -> [pair by name] -> [ask what is open] -> [show, ask] -> write. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/init_plan.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/io/file.h"

struct init {
    const struct options *o;
    struct init_tree tree;
    struct init_plan plan;
    struct skf_strv manifests;
    struct skf_strv owned; /* names that pairs borrow */
    bool terminal;         /* somebody can be asked */
};

/* --- asking ----------------------------------------------------------------------------------- */

/* One line of the terminal, without its end; false: there is none. */
static bool answer(char *line, size_t size)
{
    fflush(stderr);
    if (!fgets(line, (int)size, stdin))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool yes(const char *question)
{
    char line[64];
    fprintf(stderr, "%s [y/N] ", question);
    return answer(line, sizeof line) && (line[0] == 'y' || line[0] == 'Y');
}

static int ask_builder(const struct init *in, struct init_pair *p, struct skf_err *err)
{
    char line[64];
    long long choice;
    fprintf(stderr, "Which of these builds the image %s?\n", p->image);
    for (size_t i = 0; i < in->tree.builders.n; i++)
        fprintf(stderr, "  %zu  %s\n", i + 1, in->tree.builders.v[i].shown);
    fprintf(stderr, "  0  none: it is not built from this source\n");
    do {
        fprintf(stderr, "Number: ");
        if (!answer(line, sizeof line))
            return skf_err_set(err, SKF_ECANCELED, "no answer: nothing is written");
    } while (!skf_num_parse(line, 0, (long long)in->tree.builders.n, &choice));
    p->builder = choice ? &in->tree.builders.v[choice - 1] : NULL;
    p->settled = true;
    return 0;
}

/* What nobody settled is asked; with --force and without a terminal it is an error. */
static int settle(struct init *in, struct skf_err *err)
{
    for (size_t i = 0; i < in->plan.pairs.n; i++) {
        struct init_pair *p = &in->plan.pairs.v[i];
        if (p->settled)
            continue;
        if (!in->terminal || in->o->force)
            return skf_err_set(err, SKF_EINVAL,
                               "cannot tell what builds the image '%s': say it with "
                               "-a PATH=%s, PATH a Dockerfile or the directory of a Go program, or "
                               "run 'skiff init' without --force on a terminal",
                               p->image, p->image);
        if (ask_builder(in, p, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* --- what the user names ---------------------------------------------------------------------- */

static const char *own(struct init *in, const char *text)
{
    skf_strv_add(&in->owned, text);
    return in->owned.v[in->owned.n - 1];
}

/* The builder at a path: a Dockerfile, a Go program's directory, or its go.mod. */
static const struct init_builder *builder_at(const struct init *in, const char *path)
{
    skf_autofree char *clean = skf_path_clean(path), *dir = skf_path_dir(clean);
    bool module = strcmp(skf_path_base(clean), "go.mod") == 0;
    for (size_t i = 0; i < in->tree.builders.n; i++) {
        const struct init_builder *b = &in->tree.builders.v[i];
        skf_autofree char *at = skf_path_join(b->context, b->detail);
        if (strcmp(at, clean) == 0 || (module && b->kind == INIT_KO && strcmp(at, dir) == 0))
            return b;
    }
    return NULL;
}

/* {"builder":"Docker","payload":{"path":"x"},"image":"y"}, or PATH=IMAGE. */
static int name_artifact(struct init *in, const char *text, struct skf_err *err)
{
    struct skf_doc *d = NULL;
    const char *path = NULL, *image = NULL;
    skf_autofree char *left = NULL;
    if (text[0] == '{') {
        if (skf_doc_parse_json("--artifact", text, strlen(text), &d, err) < 0)
            return -(int)err->code;
        path = skf_node_str(skf_node_find(d->parts[0].root, "payload", "path", NULL));
        image = skf_node_get_str(d->parts[0].root, "image");
    } else if (strchr(text, '=')) {
        left = skf_xstrndup(text, strcspn(text, "="));
        path = left;
        image = text + strlen(left) + 1;
    }
    const struct init_builder *b = path ? builder_at(in, path) : NULL;
    int rc = 0;
    if (!path || !image || !*image)
        rc = skf_err_set(err, SKF_EUSAGE,
                         "--artifact is PATH=IMAGE, or JSON with 'payload.path' and 'image': not "
                         "'%s'",
                         text);
    else if (!b)
        rc = skf_err_set(err, SKF_ENOTFOUND, "'%s' is neither a Dockerfile nor a Go program", path);
    else
        init_pair_set(&in->plan, own(in, image), b);
    skf_doc_free(d);
    return rc;
}

/* Files and globs of -k instead of what was found. */
static int name_manifests(struct init *in, struct skf_err *err)
{
    const struct skf_strv *named = &in->o->kubernetes_manifests;
    skf_strv_addv(&in->manifests, named->n ? named : &in->tree.manifests);
    for (size_t i = 0; i < named->n; i++)
        if (!strpbrk(named->v[i], "*?[") && !strstr(named->v[i], "://") &&
            !skf_file_exists(named->v[i]))
            return skf_err_set(err, SKF_ENOTFOUND, "no such manifest: '%s'", named->v[i]);
    if (!in->manifests.n && !in->tree.kustomizations.n)
        return skf_err_set(err, SKF_ENOTFOUND,
                           "no Kubernetes manifest was found below this directory: write one "
                           "(k8s/deployment.yaml), or name it with -k%s",
                           in->tree.charts.n ? "; helm charts are not taken up by themselves" : "");
    return 0;
}

/* --- results ---------------------------------------------------------------------------------- */

static void analyze(const struct init *in)
{
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    skf_buf_adds(&out, "{\"builders\":[");
    for (size_t i = 0; i < in->tree.builders.n; i++) {
        const struct init_builder *b = &in->tree.builders.v[i];
        skf_autofree char *path = skf_path_join(b->context, b->detail);
        skf_buf_addf(&out, "%s{\"name\":\"%s\",\"payload\":{\"path\":", i ? "," : "",
                     b->kind == INIT_KO ? "Ko" : "Docker");
        skf_emit_json_string(path, strlen(path), &out);
        skf_buf_adds(&out, "}}");
    }
    skf_buf_adds(&out, "],\"images\":[");
    for (size_t i = 0; i < in->plan.pairs.n; i++) {
        const struct init_pair *p = &in->plan.pairs.v[i];
        skf_buf_addf(&out, "%s{\"name\":", i ? "," : "");
        skf_emit_json_string(p->image, strlen(p->image), &out);
        skf_buf_addf(&out, ",\"foundMatch\":%s}", p->builder ? "true" : "false");
    }
    skf_buf_adds(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
}

static int write_file(const struct init *in, const char *file, const struct skf_buf *text,
                      struct skf_err *err)
{
    if (in->terminal && !in->o->force) {
        fprintf(stderr, "%s\n", text->data);
        skf_autofree char *question = skf_xasprintf("Write this to %s?", file);
        if (!yes(question))
            return skf_err_set(err, SKF_ECANCELED, "nothing is written");
    }
    if (skf_file_write_atomic(file, 0644, text->data, text->len, err) < 0)
        return -(int)err->code;
    printf("Configuration %s was written\n"
           "You can now run [skiff build] to build the artifacts\n"
           "or [skiff run] to build and deploy\n"
           "or [skiff dev] to enter development mode, with auto-redeploy\n",
           file);
    return 0;
}

/* What is left out is told, so that nobody looks for it. */
static void tell(const struct init *in)
{
    for (size_t i = 0; i < in->tree.charts.n; i++)
        fprintf(stderr,
                "note: the helm chart in '%s' is left out: name it under 'manifests.helm'\n",
                in->tree.charts.v[i]);
    for (size_t i = 0; i < in->plan.pairs.n; i++)
        if (!in->plan.pairs.v[i].builder)
            fprintf(stderr, "note: the image '%s' is not built from this source\n",
                    in->plan.pairs.v[i].image);
}

/* --- the command ------------------------------------------------------------------------------ */

static int check_target(const struct init *in, const char *file, struct skf_err *err)
{
    if (in->o->force || in->o->analyze)
        return 0;
    if (!in->terminal)
        return skf_err_set(err, SKF_EINVAL,
                           "nobody can be asked here: 'skiff init --force' writes what it finds");
    skf_autofree char *question = skf_xasprintf("%s is there already. Replace it?", file);
    if (skf_file_exists(file) && !yes(question))
        return skf_err_set(err, SKF_ECANCELED, "nothing is written");
    return 0;
}

static int run(struct init *in, struct skf_err *err)
{
    const char *file = in->o->file ? in->o->file : "skaffold.yaml";
    skf_autofree char *cwd = skf_path_abs(NULL, ".");
    skf_autofree char *name = init_project_name(cwd);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (check_target(in, file, err) < 0 || init_scan(cwd, &in->tree, err) < 0)
        return -(int)err->code;
    if (!in->o->skip_build)
        init_pair_by_name(&in->tree, &in->plan);
    for (size_t i = 0; i < in->o->artifacts.n; i++)
        if (name_artifact(in, in->o->artifacts.v[i], err) < 0)
            return -(int)err->code;
    if (in->o->analyze) {
        analyze(in);
        return 0;
    }
    if (name_manifests(in, err) < 0 || settle(in, err) < 0)
        return -(int)err->code;
    tell(in);
    init_write(&in->tree, &in->plan, name, &in->manifests, &text);
    return write_file(in, file, &text, err);
}

int cmd_init(const struct options *o)
{
    struct skf_err err = SKF_ERR_INIT;
    struct init in = { .o = o, .terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO) };
    int rc = run(&in, &err);
    init_plan_release(&in.plan);
    init_tree_release(&in.tree);
    skf_strv_release(&in.manifests);
    skf_strv_release(&in.owned);
    if (rc == 0)
        return EXIT_CODE_OK;
    char text[1536];
    skf_err_format(&err, text, sizeof text);
    fprintf(stderr, "skiff: %s\n", text);
    return err.code == SKF_EUSAGE ? EXIT_CODE_USAGE : EXIT_CODE_FAILED;
}
