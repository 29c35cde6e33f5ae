#include "lib/engine/project.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_GIT_CONFIG = 1024 * 1024, MAX_NAME = 40, ID_DIGITS = 10 };

/* The text behind "url =" in [remote "origin"], or NULL; owned. */
static char *origin_of(char *config)
{
    bool inside = false;
    for (char *line = config, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, " \t");
        if (*line == '[')
            inside = strncmp(line, "[remote \"origin\"]", 17) == 0;
        if (!inside || strncmp(line, "url", 3) != 0)
            continue;
        char *value = line + 3 + strspn(line + 3, " \t");
        if (*value != '=')
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\r")] = '\0';
        return *value ? skf_xstrdup(value) : NULL;
    }
    return NULL;
}

/* The git directory whose config counts; a worktree's ".git" is a file that leads there. Owned. */
static char *git_dir(const char *top)
{
    char *git = skf_path_join(top, ".git");
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_is_dir(git) || skf_file_read(git, MAX_GIT_CONFIG, &text, &ignored) < 0)
        return git;
    skf_buf_trim(&text);
    if (strncmp(text.data, "gitdir: ", 8) != 0)
        return git;
    skf_replace(&git, skf_path_join(top, text.data + 8));
    skf_autofree char *common = skf_path_join(git, "commondir");
    if (skf_file_read(common, MAX_GIT_CONFIG, &text, &ignored) == 0) {
        skf_buf_trim(&text);
        skf_replace(&git, skf_path_join(git, text.data));
    }
    return git;
}

/* "example.com/team/shop" of "git@example.com:team/shop.git" and "https://example.com/team/shop":
 * one repository, however it was cloned. */
static void strip_origin(struct skf_buf *url)
{
    char *scheme = strstr(url->data, "://");
    if (scheme)
        skf_buf_drop(url, (size_t)(scheme + 3 - url->data));
    char *user = memchr(url->data, '@', strcspn(url->data, "/"));
    if (user)
        skf_buf_drop(url, (size_t)(user + 1 - url->data));
    for (char *p = url->data; !scheme && *p; p++)
        if (*p == ':')
            *p = '/';
    while (url->len && url->data[url->len - 1] == '/')
        skf_buf_cut(url, url->len - 1);
    if (url->len > 4 && strcmp(url->data + url->len - 4, ".git") == 0)
        skf_buf_cut(url, url->len - 4);
}

/* "example.com/team/shop//services/web", or NULL outside of a repository with an origin. */
static char *place_in_git(const char *dir)
{
    skf_autofree char *top = skf_xstrdup(dir);
    for (;;) {
        skf_autofree char *mark = skf_path_join(top, ".git");
        if (skf_file_exists(mark))
            break;
        if (strcmp(top, "/") == 0)
            return NULL;
        skf_replace(&top, skf_path_dir(top));
    }
    skf_autofree char *git = git_dir(top);
    skf_autofree char *file = skf_path_join(git, "config");
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_read(file, MAX_GIT_CONFIG, &text, &ignored) < 0)
        return NULL;
    skf_autofree char *origin = origin_of(text.data);
    if (!origin)
        return NULL;
    skf_autobuf struct skf_buf url = SKF_BUF_INIT;
    skf_buf_adds(&url, origin);
    strip_origin(&url);
    return skf_xasprintf("%s//%s", url.data, dir + strlen(top));
}

static char *place_on_machine(const char *dir)
{
    struct utsname names;
    skf_autofree char *real = realpath(dir, NULL);
    return skf_xasprintf("%s//%s", uname(&names) == 0 ? names.nodename : "", real ? real : dir);
}

char *skf_project_id(const struct skf_config *config)
{
    /* The file that was named is read first; modules begin with what it requires. */
    skf_autofree char *dir =
        config->files.n ? skf_path_dir(config->files.v[0]) : skf_xstrdup(config->modules[0].dir);
    skf_autofree char *in_git = place_in_git(dir);
    skf_autofree char *place = in_git ? skf_take(&in_git) : place_on_machine(dir);
    size_t len = strlen(place), from;
    while (len && place[len - 1] == '/')
        len--;
    for (from = len; from && place[from - 1] != '/'; from--)
        ;
    char digest[SKF_DIGEST_TEXT];
    struct skf_buf id = SKF_BUF_INIT;
    for (size_t i = from; i < len && id.len < MAX_NAME; i++) { /* its last part names it */
        unsigned char c = (unsigned char)place[i];
        if (isalnum(c) || (id.len && (c == '-' || c == '_' || c == '.')))
            skf_buf_addc(&id, (char)c);
    }
    skf_digest_of(place, strlen(place), digest);
    skf_buf_addf(&id, "%s%.*s", id.len ? "-" : "p-", ID_DIGITS, strchr(digest, ':') + 1);
    return skf_buf_take(&id);
}

const char *skf_project_default_namespace(const struct skf_config *config)
{
    for (size_t i = config->n_modules; i-- > 0;)
        if (config->modules[i].default_namespace && *config->modules[i].default_namespace)
            return config->modules[i].default_namespace;
    return NULL;
}

const char *skf_project_namespace(const struct skf_config *config, const char *flag,
                                  const struct skf_kube_context *kube)
{
    const char *named = flag && *flag ? flag : skf_project_default_namespace(config);
    return named ? named : kube ? kube->namespace_ : "default";
}
