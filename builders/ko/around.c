#include "builders/ko/around.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

void skf_ko_around_environment(struct skf_sha256 *h)
{
    extern char **environ;
    static const char *const starts[] = {
        "GO",  "CGO_",       "GIT_",  "KO_DATA_PATH_ALLOWED_ROOT=", "CC=",   "CXX=",  "AR=",
        "FC=", "PKG_CONFIG", "HOME=", "XDG_CONFIG_HOME=",           "ASDF_", "MISE_", "RTX_"
    };
    skf_autostrv struct skf_strv list = SKF_STRV_INIT;
    for (char **e = environ; *e; e++)
        for (size_t i = 0; i < SKF_ARRAY_LEN(starts); i++)
            if (strncmp(*e, starts[i], strlen(starts[i])) == 0)
                skf_strv_add(&list, *e);
    skf_strv_sort(&list);
    for (size_t i = 0; i < list.n; i++)
        skf_sha256_add(h, list.v[i], strlen(list.v[i]) + 1);
    /* With git Go writes the commit into the program, without it does not. */
    skf_autofree char *git = skf_proc_which("git");
    skf_sha256_add(h, git ? git : "", git ? strlen(git) + 1 : 1);
}

static void add(struct skf_strv *out, const char *dir, const char *name)
{
    skf_strv_take(out, skf_path_join(dir, name));
}

/* Where `go env -w` writes. */
static void add_go_env_file(struct skf_strv *out)
{
    const char *given = getenv("GOENV"), *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (given && strcmp(given, "off") == 0)
        return;
    if (given && given[0])
        skf_strv_add(out, given);
    else if (config && config[0])
        add(out, config, "go/env");
    else if (home && home[0])
        add(out, home, ".config/go/env");
}

static void add_toolchain(const char *go, const char *goroot, struct skf_strv *out)
{
    static const char *const files[] = { "VERSION", "go.env", "bin/go" };
    static const char *const tools[] = { "compile", "link", "asm" };
    struct skf_err ignored = SKF_ERR_INIT;
    skf_strv_add(out, go);
    if (!goroot)
        return;
    for (size_t i = 0; i < SKF_ARRAY_LEN(files); i++)
        add(out, goroot, files[i]);
    skf_autofree char *dir = skf_path_join(goroot, "pkg/tool");
    skf_autostrv struct skf_strv hosts = SKF_STRV_INIT;
    skf_file_list(dir, &hosts, &ignored);
    for (size_t i = 0; i < hosts.n; i++) {
        skf_autofree char *host = skf_path_join(dir, hosts.v[i]);
        for (size_t j = 0; j < SKF_ARRAY_LEN(tools); j++)
            add(out, host, tools[j]);
    }
}

static bool is_program(const char *path)
{
    char magic[SELFMAG] = "";
    skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && read(fd, magic, SELFMAG) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* A `go` that is a script is a version manager's: these files tell it which Go is meant. */
static void add_version_files(const char *dir, struct skf_strv *out)
{
    static const char *const names[] = { ".tool-versions", ".go-version", "mise.toml",
                                         ".mise.toml" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        add(out, dir, names[i]);
}

static void add_above(const struct skf_ko_plan *plan, struct skf_strv *out)
{
    const char *work = getenv("GOWORK"), *home = getenv("HOME");
    bool managed = !is_program(plan->go);
    skf_autofree char *dir = skf_xstrdup(plan->run_dir);
    for (;;) {
        if (!work || !work[0])
            add(out, dir, "go.work");
        add(out, dir, "go.mod");
        if (managed)
            add_version_files(dir, out);
        if (strcmp(dir, "/") == 0 || strcmp(dir, ".") == 0)
            break;
        skf_replace(&dir, skf_path_dir(dir));
    }
    if (managed && home)
        add_version_files(home, out);
}

/* A go.mod that appears beside a package, or above it, makes another module of it. */
static void add_module_borders(const struct skf_inputs *in, struct skf_strv *out)
{
    for (size_t i = 0; i + 1 < in->dirs.n; i += 2) {
        skf_autofree char *dir = skf_xstrdup(in->dirs.v[i]);
        for (int up = 0; up < 100 && strcmp(dir, "/") != 0; up++) {
            skf_autofree char *gomod = skf_path_join(dir, "go.mod");
            skf_autofree char *modules = skf_path_join(dir, "vendor/modules.txt");
            bool root = skf_strv_find_sorted(&in->manifests, gomod) >= 0;
            skf_strv_take(out, skf_take(&gomod));
            if (root) {
                skf_strv_take(out, skf_take(&modules));
                break;
            }
            skf_replace(&dir, skf_path_dir(dir));
        }
    }
}

void skf_ko_around_files(const struct skf_ko_plan *plan, const struct skf_inputs *in,
                         const char *goroot, struct skf_strv *out)
{
    add_go_env_file(out);
    add_toolchain(plan->go, goroot, out);
    add_above(plan, out);
    add_module_borders(in, out);
    skf_strv_add(out, plan->yaml.file);
    skf_strv_sort(out);
    skf_strv_uniq(out);
}

/* --- flags ------------------------------------------------------------------------------------ */

static const char *last_value(const struct skf_strv *env, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = env->n; i-- > 0;)
        if (strncmp(env->v[i], key, len) == 0 && env->v[i][len] == '=')
            return env->v[i] + len + 1;
    return getenv(key);
}

static bool is_harmless(const char *flag, bool *takes_value)
{
    static const struct {
        const char *name;
        bool value;
    } known[] = { { "v", false },        { "x", false },   { "p", true },
                  { "trimpath", false }, { "tags", true }, { "mod", true },
                  { "buildvcs", false }, { "a", false },   { "modcacherw", false } };
    const char *name = flag + 1 + (flag[1] == '-');
    size_t len = strcspn(name, "=");
    for (size_t i = 0; i < SKF_ARRAY_LEN(known); i++)
        if (strlen(known[i].name) == len && strncmp(known[i].name, name, len) == 0) {
            *takes_value = known[i].value && !name[len];
            return true;
        }
    return false;
}

static bool are_harmless(const struct skf_strv *flags)
{
    for (size_t i = 0; i < flags->n; i++) {
        bool takes_value = false;
        if (!flags->v[i][0])
            continue;
        if (flags->v[i][0] != '-' || !is_harmless(flags->v[i], &takes_value))
            return false;
        i += takes_value;
    }
    return true;
}

static bool are_harmless_for_the_linker(const char *ldflags)
{
    static const char *const known[] = { "-s", "-w", "-s=1", "-w=1", "-w=0", "-s=0", "-buildid=" };
    skf_autostrv struct skf_strv words = SKF_STRV_INIT;
    skf_strv_split(&words, ldflags, " \t\r\n");
    for (size_t i = 0; i < words.n; i++) {
        /* -X NAME=VALUE: whatever the value holds, it is text, and a quoted blank splits it. */
        if (words.v[i][0] != '-' || strncmp(words.v[i], "-X", 2) == 0)
            continue;
        bool found = false;
        for (size_t j = 0; j < SKF_ARRAY_LEN(known) && !found; j++)
            found = strcmp(words.v[i], known[j]) == 0;
        if (!found)
            return false;
    }
    return true;
}

bool skf_ko_around_is_all(const struct skf_ko_settings *s)
{
    skf_autostrv struct skf_strv words = SKF_STRV_INIT;
    const char *cgo = last_value(&s->env, "CGO_ENABLED"), *flags = last_value(&s->env, "GOFLAGS");
    skf_strv_split(&words, flags ? flags : "", " \t\n");
    return cgo && strcmp(cgo, "0") == 0 && are_harmless(&s->flags) && are_harmless(&words) &&
           are_harmless_for_the_linker(s->ldflags);
}
