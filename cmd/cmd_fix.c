#include <string.h>
#include <unistd.h>

#include "builders/registry.h"
#include "cmd/commands.h"
#include "cmd/console.h"
#include "cmd/exit.h"
#include "lib/base/mem.h"
#include "lib/config/version.h"
#include "lib/io/file.h"

enum { MAX_CONFIG = 64 * 1024 * 1024 };

static int fail(const struct console *c, const struct skf_err *err, int code)
{
    console_error(c, err);
    return code;
}

static const char *target_version(const struct options *o)
{
    return o->version ? o->version : SKF_VERSION_NEWEST;
}

static int write_fixed(const struct console *c, const struct options *o, const char *file,
                       const struct skf_buf *old, const struct skf_buf *fixed)
{
    struct skf_err err = SKF_ERR_INIT;
    const char *target = o->overwrite ? file : o->output;
    if (!target) {
        fwrite(fixed->data, 1, fixed->len, stdout);
        return EXIT_CODE_OK;
    }
    skf_autofree char *kept = skf_xasprintf("%s.v2", file);
    if (o->overwrite && skf_file_write_atomic(kept, 0644, old->data, old->len, &err) < 0)
        return fail(c, &err, EXIT_CODE_FAILED);
    if (skf_file_write_atomic(target, 0644, fixed->data, fixed->len, &err) < 0)
        return fail(c, &err, EXIT_CODE_FAILED);
    fprintf(stderr, "New config at version %s generated and written to %s\n", target_version(o),
            target);
    return EXIT_CODE_OK;
}

int cmd_fix(const struct options *o)
{
    struct console c;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_diagnostics diags = { 0 };
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autobuf struct skf_buf fixed = SKF_BUF_INIT;
    const char *file = o->file ? o->file : "skaffold.yaml";
    bool changed = false, from_stdin = strcmp(file, "-") == 0;
    if (console_init(&c, o, true, &err) < 0)
        return fail(&c, &err, EXIT_CODE_USAGE);
    if (o->overwrite && (o->output || from_stdin)) {
        skf_err_set(&err, SKF_EUSAGE, "--overwrite needs a file of its own: leave out %s",
                    from_stdin ? "-f -" : "--output");
        return fail(&c, &err, EXIT_CODE_USAGE);
    }
    int rc = from_stdin ? skf_file_read_fd(STDIN_FILENO, MAX_CONFIG, &text, &err)
                        : skf_file_read(file, MAX_CONFIG, &text, &err);
    if (rc < 0)
        return fail(&c, &err, EXIT_CODE_CONFIG);
    const struct skf_fix request = { .file = file,
                                     .text = text.data,
                                     .len = text.len,
                                     .version = o->version,
                                     .builders = skf_builder_sections() };
    rc = skf_config_fix(&request, &fixed, &changed, &diags);
    console_findings(&c, &diags);
    skf_diagnostics_release(&diags);
    if (rc < 0)
        return EXIT_CODE_CONFIG;
    if (!changed)
        fprintf(stderr, "config is already version %s\n", target_version(o));
    return changed || !o->overwrite ? write_fixed(&c, o, file, &text, &fixed) : EXIT_CODE_OK;
}
