#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/artifacts.h"
#include "cmd/commands.h"
#include "cmd/console.h"
#include "cmd/exit.h"
#include "lib/base/mem.h"
#include "lib/image/ref.h"
#include "lib/io/file.h"
#include "lib/kube/manifest.h"

enum { MAX_MANIFESTS = 64 * 1024 * 1024 };

static int retag(const struct skf_strv *artifacts, struct skf_objects *objects, struct skf_err *err)
{
    skf_autofree struct skf_retag *retags = skf_xcalloc(artifacts->n / 2, sizeof *retags);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    size_t n = 0;
    for (size_t i = 0; i + 1 < artifacts->n; i += 2)
        skf_strv_take(&names, skf_ref_sanitise(artifacts->v[i]));
    for (size_t i = 0; i + 1 < artifacts->n; i += 2, n++)
        retags[n] = (struct skf_retag){ names.v[n], artifacts->v[i + 1], 0 };
    return skf_manifest_retag(objects, NULL, retags, n, err);
}

int cmd_filter(const struct options *o)
{
    struct console console;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_objects objects = { 0 };
    skf_autostrv struct skf_strv artifacts = SKF_STRV_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    int rc = console_init(&console, o, true, &err);
    if (rc == 0)
        rc = artifacts_read(o, &artifacts, &err);
    if (rc == 0)
        rc = skf_file_read_fd(STDIN_FILENO, MAX_MANIFESTS, &text, &err);
    if (rc == 0)
        rc = skf_manifest_parse("standard input", text.data, text.len, &objects, &err);
    if (rc == 0)
        rc = retag(&artifacts, &objects, &err);
    if (rc == 0) {
        skf_manifest_join(&objects, &out);
        fwrite(out.data, 1, out.len, stdout);
    } else {
        console_error(&console, &err);
    }
    skf_objects_release(&objects);
    return rc == 0 ? EXIT_CODE_OK : exit_code_of(SKF_STAGE_DEPLOY, &err);
}
