#include <string.h>

#include "builders/docker/docker.h"
#include "builders/docker/hint.h"
#include "lib/docker/place.h"

#define SECRET(text, member, explanation)                                                          \
    {                                                                                              \
        .name = text, .type = SKF_T_STRING, .offset = offsetof(struct skf_docker_secret, member),  \
        .help = explanation                                                                        \
    }

static const struct skf_field secret_fields[] = {
    { .name = "id",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_docker_secret, id),
      .required = true,
      .help = "name that the Dockerfile uses: RUN --mount=type=secret,id=..." },
    SECRET("src", src, "file that holds it; '~/' is the home directory"),
    SECRET("env", env, "environment variable that holds it"),
    { 0 },
};

#define OPTION(text, kind, member, ...)                                                            \
    {                                                                                              \
        .name = text, .type = kind, .offset = offsetof(struct skf_docker_options, member),         \
        __VA_ARGS__                                                                                \
    }

const struct skf_field skf_docker_fields[] = {
    OPTION("dockerfile", SKF_T_STRING, dockerfile,
           .help = "relative to the context, else to where skiff runs; default 'Dockerfile'"),
    OPTION("target", SKF_T_STRING, target, .help = "stage to build, by name; default: the last"),
    OPTION("buildArgs", SKF_T_STRING_MAP, build_args, .templated = true,
           .help = "build arguments; one without a value takes that of the environment"),
    OPTION("network", SKF_T_STRING, network, .templated = true,
           .help = "network of RUN: host, none, bridge, container:NAME"),
    OPTION("addHost", SKF_T_STRINGS, add_host, .help = "HOST:IP for /etc/hosts of RUN"),
    OPTION("cacheFrom", SKF_T_STRINGS, cache_from, .help = "images whose layers may be reused"),
    OPTION("cliFlags", SKF_T_STRINGS, cli_flags, .templated = true,
           .help = "more flags of 'docker build', as they are"),
    OPTION("pullParent", SKF_T_BOOL, pull_parent, .help = "look for newer base images each time"),
    OPTION("noCache", SKF_T_BOOL, no_cache, .help = "run every step again"),
    OPTION("squash", SKF_T_BOOL, squash,
           .help = "one layer of all (an experimental Engine without BuildKit)"),
    OPTION("secrets", SKF_T_LIST, secrets, .sub = secret_fields,
           .size = sizeof(struct skf_docker_secret),
           .help = "for RUN --mount=type=secret (BuildKit)"),
    OPTION("ssh", SKF_T_STRING, ssh, .help = "for RUN --mount=type=ssh (BuildKit): 'default'"),
    { 0 },
};

static int check(const struct skf_artifact *a, struct skf_err *err)
{
    const struct skf_docker_options *o = a->options;
    const struct skf_docker_secret *s = o ? o->secrets.v : NULL;
    for (size_t i = 0; o && i < o->secrets.n; i++)
        if (s[i].src && s[i].env)
            return skf_err_set(err, SKF_ECONFIG,
                               "the secret '%s' has both 'src' and 'env': leave one out", s[i].id);
    return 0;
}

static void shut_down(void)
{
    skf_docker_forget_all();
    skf_docker_hint_forget();
}

const struct skf_builder_ops skf_builder_docker = {
    .name = "docker",
    .options = skf_docker_fields,
    .options_size = sizeof(struct skf_docker_options),
    .summary = "a Dockerfile, through Docker",
    .inputs = skf_docker_inputs_start,
    .cancel_inputs = skf_docker_inputs_cancel,
    .start = skf_docker_build_start,
    .cancel = skf_docker_build_cancel,
    .check = check,
    .where = skf_docker_where,
    .cache_key = skf_docker_cache_key,
    .shut_down = shut_down,
};
