/* skiff config: ~/.skaffold/config as Skaffold's own command edits it, and skiff's list of clusters
 * that may be deployed to. */
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"
#include "lib/config/global_edit.h"
#include "lib/kube/allowed.h"
#include "lib/kube/kubeconfig.h"

struct verb {
    const char *name, *arguments;
    size_t n; /* of arguments */
    int (*run)(const struct options *o, struct skf_err *err);
};

/* Whose values are meant: those of --kube-context, or of the current context; NULL: the global
 * ones (also where there is no context at all, as Skaffold does it). Owned. */
static char *meant_context(const struct options *o)
{
    if (o->global)
        return NULL;
    return o->kube_context ? skf_xstrdup(o->kube_context) : skf_kubeconfig_current(o->kubeconfig);
}

static char *config_file(const struct options *o, struct skf_err *err)
{
    char *file = o->global_config ? skf_xstrdup(o->global_config) : skf_global_file();
    if (!file)
        skf_err_set(err, SKF_ENOTFOUND, "HOME is not set: name the file with --config");
    return file;
}

static int set(const struct options *o, struct skf_err *err)
{
    const char *key = o->arguments.v[1], *value = o->arguments.v[2];
    skf_autofree char *file = config_file(o, err);
    skf_autofree char *context = meant_context(o);
    if (!file || skf_global_set(file, context, key, value, err) < 0)
        return -(int)err->code;
    if (context)
        printf("set value %s to %s for context %s\n", key, value, context);
    else
        printf("set global value %s to %s\n", key, value);
    return 0;
}

static int unset(const struct options *o, struct skf_err *err)
{
    const char *key = o->arguments.v[1];
    skf_autofree char *file = config_file(o, err);
    skf_autofree char *context = meant_context(o);
    if (!file || skf_global_set(file, context, key, "", err) < 0)
        return -(int)err->code;
    if (context)
        printf("unset value %s for context %s\n", key, context);
    else
        printf("unset global value %s\n", key);
    return 0;
}

static int list(const struct options *o, struct skf_err *err)
{
    skf_autofree char *file = config_file(o, err);
    skf_autofree char *context = meant_context(o);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autostrv struct skf_strv allowed = SKF_STRV_INIT;
    if (!file || skf_global_show(file, context, o->all, &text, err) < 0)
        return -(int)err->code;
    if (text.len)
        printf("skaffold config: %s\n%s", file, text.data);
    if (!o->all)
        return 0;
    if (skf_allowed_list(&allowed, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < allowed.n; i++)
        printf("%s# allowed context: %s\n", i ? "" : "# skiff\n", allowed.v[i]);
    return 0;
}

static int allow_context(const struct options *o, struct skf_err *err)
{
    struct skf_kube_context c;
    if (skf_kubeconfig_load(o->kubeconfig, o->arguments.v[1], &c, err) < 0)
        return -(int)err->code;
    int rc = skf_allowed_add(&c, err);
    if (rc == 0)
        printf("skiff may deploy to context %s (%s) from now on\n", c.name, c.server);
    skf_kube_context_release(&c);
    return rc;
}

static int forget_context(const struct options *o, struct skf_err *err)
{
    if (skf_allowed_remove(o->arguments.v[1], err) < 0)
        return -(int)err->code;
    printf("context %s has to be named again\n", o->arguments.v[1]);
    return 0;
}

static const struct verb verbs[] = {
    { "set", " KEY VALUE", 2, set },
    { "unset", " KEY", 1, unset },
    { "list", "", 0, list },
    { "allow-context", " NAME", 1, allow_context },
    { "forget-context", " NAME", 1, forget_context },
};

static const struct verb *find(const struct options *o, struct skf_err *err)
{
    const char *names[SKF_ARRAY_LEN(verbs)];
    const char *typed = o->arguments.n ? o->arguments.v[0] : "";
    for (size_t i = 0; i < SKF_ARRAY_LEN(verbs); i++) {
        names[i] = verbs[i].name;
        if (strcmp(typed, verbs[i].name) != 0)
            continue;
        if (o->arguments.n == verbs[i].n + 1)
            return &verbs[i];
        skf_err_set(err, SKF_EUSAGE, "usage: skiff config %s%s", verbs[i].name, verbs[i].arguments);
        return NULL;
    }
    const char *near = skf_suggest(typed, names, SKF_ARRAY_LEN(verbs));
    if (near)
        skf_err_set(err, SKF_EUSAGE, "unknown 'config %s': did you mean '%s'?", typed, near);
    else
        skf_err_set(err, SKF_EUSAGE,
                    "config needs one of set, unset, list, allow-context, forget-context");
    return NULL;
}

int cmd_config(const struct options *o)
{
    struct skf_err err = SKF_ERR_INIT;
    const struct verb *verb = find(o, &err);
    if (verb && verb->run(o, &err) == 0)
        return EXIT_CODE_OK;
    char text[1536];
    skf_err_format(&err, text, sizeof text);
    fprintf(stderr, "skiff: %s\n", text);
    return err.code == SKF_EUSAGE    ? EXIT_CODE_USAGE
           : err.code == SKF_ECONFIG ? EXIT_CODE_CONFIG
                                     : EXIT_CODE_FAILED;
}
