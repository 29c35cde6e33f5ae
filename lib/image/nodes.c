#include "lib/image/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"

enum { LIMIT_MS = 30000 };

static const struct maker {
    const char *name, *label, *role_label;
    const char *not_nodes; /* roles of other containers of the cluster, " a b " */
} makers[] = {
    [SKF_NODES_OF_KIND] = { "kind", "io.x-k8s.kind.cluster", "io.x-k8s.kind.role",
                            " external-load-balancer " },
    [SKF_NODES_OF_K3D] = { "k3d", "k3d.cluster", "k3d.role", " loadbalancer registry noRole " },
    [SKF_NODES_OF_MINIKUBE] = { "minikube", "name.minikube.sigs.k8s.io",
                                "role.minikube.sigs.k8s.io", "" },
};

/* "kind NAME" -> the text of the `ps` that found it, for the life of the process */
static struct skf_map remembered = SKF_MAP_INIT;

void skf_nodes_forget(void)
{
    skf_map_release_with(&remembered, free);
}

static char *key_of(const struct skf_nodes *n)
{
    return skf_xasprintf("%s %s", makers[n->maker].name, n->cluster);
}

static bool is_node(const struct maker *m, const char *role)
{
    skf_autofree char *word = skf_xasprintf(" %s ", role);
    return !role[0] || !strstr(m->not_nodes, word);
}

/* Lines of "ID NAME ROLE". */
static void read_lines(struct skf_nodes *n, const char *text)
{
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_strv_split(&lines, text, "\n");
    for (size_t i = 0; i < lines.n; i++) {
        skf_autostrv struct skf_strv words = SKF_STRV_INIT;
        skf_strv_split(&words, lines.v[i], " ");
        if (words.n < 2 || !is_node(&makers[n->maker], words.n > 2 ? words.v[2] : ""))
            continue;
        skf_strv_add(&n->ids, words.v[0]);
        skf_strv_add(&n->names, words.v[1]);
    }
}

static void explain(struct skf_nodes *n, struct skf_err *err)
{
    const struct maker *m = &makers[n->maker];
    if (err->code == SKF_ENOTFOUND) {
        skf_err_set(err, SKF_ENOTFOUND,
                    "the program '%s' is not in PATH: the nodes of the %s cluster '%s' are its "
                    "containers",
                    n->program, m->name, n->cluster);
    } else if (err->code == SKF_ECHILD) {
        skf_buf_trim(&n->proc.errout);
        skf_err_set(err, SKF_ENET, "cannot ask '%s' for the nodes of the %s cluster '%s': %.400s",
                    n->program, m->name, n->cluster,
                    n->proc.errout.len ? n->proc.errout.data : "it failed");
    }
}

static void on_listed(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_nodes *n = p->data;
    const struct maker *m = &makers[n->maker];
    struct skf_err why = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (err)
        explain(n, &why);
    else
        read_lines(n, p->out.data);
    if (!err && !n->ids.n)
        skf_err_set(&why, SKF_ENOTFOUND,
                    "the %s cluster '%s' has no node that runs: '%s ps' shows no container with "
                    "the label %s=%s",
                    m->name, n->cluster, n->program, m->label, n->cluster);
    if (!why.code) {
        skf_autofree char *key = key_of(n);
        free(skf_map_put(&remembered, key, skf_xstrdup(p->out.data)));
    }
    n->done(n, why.code ? &why : NULL);
}

static void on_remembered(struct skf_defer *d)
{
    struct skf_nodes *n = SKF_CONTAINER_OF(d, struct skf_nodes, defer);
    struct skf_err err = SKF_ERR_INIT;
    if (n->cancelled)
        skf_err_set(&err, SKF_ECANCELED, "looking for nodes was cancelled");
    n->done(n, err.code ? &err : NULL);
}

void skf_nodes_start(struct skf_nodes *n)
{
    const struct maker *m = &makers[n->maker];
    const char *provider = getenv("KIND_EXPERIMENTAL_PROVIDER");
    n->program = n->maker == SKF_NODES_OF_KIND && provider && provider[0] ? provider : "docker";
    skf_autofree char *key = key_of(n);
    const char *known = skf_map_get(&remembered, key);
    if (known) {
        n->remembered = true;
        read_lines(n, known);
        skf_defer_start(n->loop, &n->defer, 0, on_remembered);
        return;
    }
    skf_proc_init(&n->proc);
    n->proc_used = true;
    skf_proc_args(&n->proc, n->program, "ps", "--no-trunc", "--filter", NULL);
    skf_strv_addf(&n->proc.argv, "label=%s=%s", m->label, n->cluster);
    skf_strv_add(&n->proc.argv, "--format");
    skf_strv_addf(&n->proc.argv, "{{.ID}} {{.Names}} {{.Label \"%s\"}}", m->role_label);
    n->proc.limit_ms = LIMIT_MS;
    n->proc.data = n;
    skf_proc_start(n->loop, &n->proc, on_listed);
}

void skf_nodes_cancel(struct skf_nodes *n)
{
    n->cancelled = true;
    if (n->proc_used)
        skf_proc_stop(&n->proc);
}

void skf_nodes_release(struct skf_nodes *n)
{
    if (n->proc_used)
        skf_proc_release(&n->proc);
    skf_strv_release(&n->ids);
    skf_strv_release(&n->names);
    memset(n, 0, sizeof *n);
}
