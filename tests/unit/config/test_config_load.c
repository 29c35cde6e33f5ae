/* Cases as data: each folder of tests/fixtures/config holds a skaffold.yaml (and what it needs),
 * `args` (words as on the command line), and what must come out: expect.yaml (the effective
 * configuration), expect.err (findings) or both (then the findings are warnings and notes).
 * SKIFF_FIXTURES_WRITE=1 writes the expectations anew: read the difference before keeping it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/path.h"
#include "lib/config/load.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

/* Stand-ins for the builders' tables, which live above this folder. */
struct docker_options {
    const char *dockerfile, *target;
    struct skf_pairs args;
    bool no_cache;
    struct skf_list secrets;
};
struct secret {
    const char *id, *src;
};
static const struct skf_field secret_fields[] = {
    { .name = "id", .type = SKF_T_STRING, .offset = offsetof(struct secret, id), .required = true },
    { .name = "src", .type = SKF_T_STRING, .offset = offsetof(struct secret, src) },
    { 0 },
};
static const struct skf_field docker_fields[] = {
    { .name = "dockerfile",
      .type = SKF_T_STRING,
      .offset = offsetof(struct docker_options, dockerfile),
      .path = true },
    { .name = "target", .type = SKF_T_STRING, .offset = offsetof(struct docker_options, target) },
    { .name = "buildArgs",
      .type = SKF_T_STRING_MAP,
      .offset = offsetof(struct docker_options, args),
      .templated = true },
    { .name = "noCache", .type = SKF_T_BOOL, .offset = offsetof(struct docker_options, no_cache) },
    { .name = "secrets",
      .type = SKF_T_LIST,
      .offset = offsetof(struct docker_options, secrets),
      .sub = secret_fields,
      .size = sizeof(struct secret) },
    { 0 },
};
struct ko_options {
    const char *main, *from_image;
    struct skf_strings flags;
};
static const struct skf_field ko_fields[] = {
    { .name = "fromImage",
      .type = SKF_T_STRING,
      .offset = offsetof(struct ko_options, from_image) },
    { .name = "main", .type = SKF_T_STRING, .offset = offsetof(struct ko_options, main) },
    { .name = "flags",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct ko_options, flags),
      .templated = true },
    { 0 },
};
static const struct skf_section sections[] = {
    { .name = "docker", .fields = docker_fields, .size = sizeof(struct docker_options) },
    { .name = "ko", .fields = ko_fields, .size = sizeof(struct ko_options) },
    { 0 },
};

static void compare(const char *file, const struct skf_buf *got)
{
    skf_autobuf struct skf_buf want = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    if (getenv("SKIFF_FIXTURES_WRITE")) {
        if (got->len)
            assert_int_equal(skf_file_write_atomic(file, 0644, got->data, got->len, &err), 0);
        else
            unlink(file);
        return;
    }
    if (skf_file_exists(file))
        assert_int_equal(skf_file_read(file, 1 << 20, &want, &err), 0);
    if (strcmp(got->data, want.data) != 0)
        fail_msg("%s\n--- wanted\n%s--- got\n%s", file, want.data, got->data);
}

/* Words: -p LIST, -m LIST, -f FILE, --kube-context C, --current-context C, --command C, --all
 * (accept unsupported). */
static void read_args(struct skf_config_request *req, struct skf_strv *words,
                      struct skf_strv *profiles, struct skf_strv *modules)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    if (!skf_file_exists("args"))
        return;
    assert_int_equal(skf_file_read("args", 4096, &text, &err), 0);
    skf_strv_split(words, text.data, " \n");
    for (size_t i = 0; i < words->n; i++) {
        const char *w = words->v[i];
        if (strcmp(w, "--all") == 0) {
            req->accept_unsupported = true;
            continue;
        }
        assert_true(i + 1 < words->n);
        const char *v = words->v[++i];
        if (strcmp(w, "-p") == 0)
            skf_strv_split(profiles, v, ",");
        else if (strcmp(w, "-m") == 0)
            skf_strv_split(modules, v, ",");
        else if (strcmp(w, "-f") == 0)
            req->file = v;
        else if (strcmp(w, "--kube-context") == 0 || strcmp(w, "--current-context") == 0) {
            req->kube_context = v;
            req->kube_context_given = w[2] == 'k';
        } else if (strcmp(w, "--command") == 0)
            req->command = v;
        else
            fail_msg("unknown word '%s' in args", w);
    }
}

static void run_fixture(void **state)
{
    const char *dir = *state;
    assert_int_equal(chdir(dir), 0);
    skf_autostrv struct skf_strv words = SKF_STRV_INIT, profiles = SKF_STRV_INIT,
                                 modules = SKF_STRV_INIT;
    struct skf_config_request req = {
        .profiles = &profiles, .modules = &modules, .command = "dev", .builders = sections
    };
    read_args(&req, &words, &profiles, &modules);
    struct skf_config c;
    struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
    skf_autobuf struct skf_buf yaml = SKF_BUF_INIT, text = SKF_BUF_INIT;
    int rc = skf_config_load(&req, &c, &diags);
    for (size_t i = 0; i < diags.n; i++)
        skf_diagnostic_format(&diags.v[i], false, &text);
    if (rc == 0) {
        for (size_t i = 0; i < c.n_notes; i++)
            skf_buf_addf(&text, "%s:%d:%d: note: %s\n", c.notes[i].file, c.notes[i].line,
                         c.notes[i].col, c.notes[i].text);
        skf_config_effective(&c, sections, false, false, &yaml);
        skf_config_release(&c);
    }
    skf_diagnostics_release(&diags);
    compare("expect.yaml", &yaml);
    compare("expect.err", &text);
}

int main(void)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT, dirs = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    if (skf_file_list(FIXTURES "/config", &names, &err))
        return 1;
    const char *only = getenv("SKIFF_FIXTURE");
    struct CMUnitTest *tests = skf_xcalloc(names.n + 1, sizeof *tests);
    size_t n = 0;
    for (size_t i = 0; i < names.n; i++) {
        skf_autofree char *dir = skf_path_join(FIXTURES "/config", names.v[i]);
        if (!skf_file_is_dir(dir) || (only && strcmp(only, names.v[i]) != 0))
            continue;
        skf_strv_add(&dirs, dir);
        tests[n++] = (struct CMUnitTest){ names.v[i], run_fixture, NULL, NULL, NULL };
    }
    for (size_t i = 0; i < n; i++)
        tests[i].initial_state = dirs.v[i];
    /* cmocka's array macros want an array of known size. */
    int rc = n ? _cmocka_run_group_tests("config fixtures", tests, n, NULL, NULL) : 1;
    free(tests);
    return rc;
}
