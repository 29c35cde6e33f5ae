/* lib/config/load.h: skaffold.yaml to model. Blocks (small local files). */
#ifndef SKF_CONFIG_LOAD_H
#define SKF_CONFIG_LOAD_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/io/gitrepo.h"

struct skf_config_request {
    const char *file;                /* -f; "-" is stdin; NULL = skaffold.yaml (or .yml) here */
    const struct skf_strv *profiles; /* -p, in order; "-name" switches off */
    const struct skf_strv *modules;  /* -m */
    const char *command;             /* "dev", "run" ...: profile activation */
    const char *kube_context;        /* current or given context; may be NULL; profile activation */
    bool kube_context_given;         /* ... by the user: not only the current one */
    const char *kube_namespace;      /* of the current context; NULL = "default" */
    bool no_profile_activation;
    bool no_profile_propagation; /* -p does not reach required modules */
    /* Brings what `requires.git` names: skf_git_repo; NULL = such a requirement is an error. */
    int (*git_repo)(const struct skf_git_request *req, char **dir, struct skf_err *err);
    const char *remote_cache_dir; /* NULL = ~/.skaffold/remote-cache */
    enum skf_sync_remote sync_remote_cache;
    const struct skf_section *builders; /* ends with name NULL */
    /* For commands that only print the configuration: known fields that skiff does not act on pass,
     * and what breaks a rule beyond names and types is a warning. */
    bool accept_unsupported;
};

/* One finding in a file. */
struct skf_diagnostic {
    char *file;    /* as the user wrote it */
    int line, col; /* 1-based; 0 = unknown */
    char *message; /* what is wrong */
    char *hint;    /* what to do; may be NULL */
    char *source;  /* the line itself, for the caret; may be NULL */
    bool warning;
};
struct skf_diagnostics {
    struct skf_diagnostic *v;
    size_t n, cap;
    bool soften; /* what is added becomes a warning */
};
#define SKF_DIAGNOSTICS_INIT                                                                       \
    {                                                                                              \
        NULL, 0, 0, false                                                                          \
    }
void skf_diagnostics_release(struct skf_diagnostics *d);
/* Are there findings that are not warnings? */
bool skf_diagnostics_failed(const struct skf_diagnostics *d);
/* Adds a finding at a node (may be NULL) unless the same one is there already; hint may be NULL. */
void skf_diagnostic_add(struct skf_diagnostics *d, bool warning, const struct skf_node *at,
                        const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same from an error value; the source line comes from `doc` when given. */
void skf_diagnostic_add_err(struct skf_diagnostics *d, const struct skf_doc *doc,
                            const struct skf_err *err, const char *hint);
/* "file:line:col: error: message", the line with a caret below it, "hint: ...". Ends with a
 * newline. */
void skf_diagnostic_format(const struct skf_diagnostic *d, bool color, struct skf_buf *out);
/* All as a JSON array of {file, line, column, severity, message, hint}, with a newline. */
void skf_diagnostics_json(const struct skf_diagnostics *d, struct skf_buf *out);
/* The first error as an error value (code SKF_ECONFIG) for callers that carry only one. */
void skf_diagnostics_err(const struct skf_diagnostics *d, struct skf_err *err);

/* Reads the file, upgrades, applies profiles and defaults, validates. On failure returns -code
 * (SKF_ECONFIG; SKF_ENOTFOUND when there is no file) with all findings in `diags`; `out` is not
 * touched. On success `diags` may hold warnings. */
int skf_config_load(const struct skf_config_request *req, struct skf_config *out,
                    struct skf_diagnostics *diags);
void skf_config_release(struct skf_config *c);

/* Appends what is in effect as YAML, a document a module, as `skaffold diagnose --yaml-only` prints
 * it: newest version, profiles applied, defaults filled in. `builders` as in the request. resolved
 * (what Skaffold does there): paths absolute, `requires` left out. expand: templates filled in from
 * the environment, but for those that name what is not there. */
void skf_config_effective(const struct skf_config *c, const struct skf_section *builders,
                          bool resolved, bool expand, struct skf_buf *out);
/* `skiff fix`. All borrowed. */
struct skf_fix {
    const char *file, *text;
    size_t len;
    const char *version; /* to bring it to: "skaffold/v2beta29"; NULL = the newest */
    const struct skf_section *builders;
};
/* The text in that version, without comments; when it is there already, the very text and *changed
 * = false. A newer one than that is an error; what reaches the newest is checked. Findings (also of
 * steps that cannot be taken) in diags; returns -SKF_ECONFIG then. */
int skf_config_fix(const struct skf_fix *req, struct skf_buf *out, bool *changed,
                   struct skf_diagnostics *diags);

/* `skiff schema`: the tables as a JSON schema. */
void skf_config_schema(const struct skf_section *builders, struct skf_buf *out);
#endif
