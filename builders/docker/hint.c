#include "builders/docker/hint.h"

#include <string.h>

#include "lib/base/map.h"

static struct skf_map said = SKF_MAP_INIT;

void skf_docker_hint_forget(void)
{
    skf_map_release(&said);
}

static bool has_cache_mount(const struct skf_docker_instruction *in)
{
    for (size_t i = 0; i < in->flags.n; i++)
        if (strncmp(in->flags.v[i], "mount=", 6) == 0 && strstr(in->flags.v[i], "type=cache"))
            return true;
    return false;
}

static const char *compiles_go(const struct skf_docker_instruction *in)
{
    static const char *const verbs[] = { "build", "install", "test" };
    for (size_t i = 0; i + 1 < in->words.n; i++)
        for (size_t k = 0; k < SKF_ARRAY_LEN(verbs); k++)
            if (strcmp(in->words.v[i], "go") == 0 && strcmp(in->words.v[i + 1], verbs[k]) == 0)
                return verbs[k];
    return NULL;
}

char *skf_docker_hint(const struct skf_dockerfile *d, const char *file)
{
    for (size_t i = 0; i < d->list.n; i++) {
        const struct skf_docker_instruction *in = &d->list.v[i];
        const char *verb = strcmp(in->name, "RUN") == 0 ? compiles_go(in) : NULL;
        if (!verb || has_cache_mount(in))
            continue;
        if (skf_map_has(&said, file))
            return NULL;
        skf_map_put(&said, file, &said);
        return skf_xasprintf(
            "%s:%d: 'go %s' starts without its caches each time; 'RUN --mount=type=cache,"
            "target=/root/.cache/go-build --mount=type=cache,target=/go/pkg/mod' keeps them, and "
            "the ko builder needs no Docker",
            file, in->line, verb);
    }
    return NULL;
}
