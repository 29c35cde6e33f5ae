#include "lib/docker/context.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

static char *find_dockerfile(const char *dir, const char *name, const char *cwd)
{
    char *first = skf_path_abs(dir, name);
    if (skf_file_exists(first) || !cwd)
        return first;
    char *second = skf_path_abs(cwd, name);
    bool there = skf_file_exists(second);
    free(there ? first : second);
    return there ? second : first;
}

void skf_docker_files_find(const char *dir, const char *dockerfile, const char *cwd,
                           struct skf_docker_files *out)
{
    out->dir = skf_xstrdup(dir);
    out->dockerfile = find_dockerfile(dir, dockerfile ? dockerfile : "Dockerfile", cwd);
    out->ignore_file = skf_xasprintf("%s.dockerignore", out->dockerfile);
    if (!skf_file_exists(out->ignore_file))
        skf_replace(&out->ignore_file, skf_path_join(dir, ".dockerignore"));
}

void skf_docker_files_release(struct skf_docker_files *f)
{
    free(f->dir);
    free(f->dockerfile);
    free(f->ignore_file);
    memset(f, 0, sizeof *f);
}

int skf_docker_files_ignore(const struct skf_docker_files *f, struct skf_docker_ignore *out,
                            struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (!skf_file_exists(f->ignore_file)) {
        memset(out, 0, sizeof *out);
        return 0;
    }
    if (skf_file_read(f->ignore_file, SKF_DOCKER_IGNORE_MAX, &text, err) < 0)
        return -(int)err->code;
    return skf_docker_ignore_parse(text.data, text.len, f->ignore_file, out, err);
}

int skf_docker_files_parse(const struct skf_docker_files *f, struct skf_dockerfile *out,
                           struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (!skf_file_exists(f->dockerfile))
        return skf_err_set(err, SKF_ENOTFOUND,
                           "there is no Dockerfile at '%s': write one, or set 'dockerfile' or "
                           "'context' of the artifact",
                           f->dockerfile);
    if (skf_file_read(f->dockerfile, SKF_DOCKERFILE_MAX, &text, err) < 0)
        return -(int)err->code;
    return skf_dockerfile_parse(text.data, text.len, f->dockerfile, out, err);
}
