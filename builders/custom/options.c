#include "builders/custom/custom.h"

#include "lib/base/mem.h"
#include "lib/docker/place.h"

static const struct skf_field dockerfile_fields[] = {
    { .name = "path",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_custom_dockerfile, path),
      .required = true,
      .help = "relative to the context; what its COPY and ADD read is watched" },
    { .name = "buildArgs",
      .type = SKF_T_STRING_MAP,
      .offset = offsetof(struct skf_custom_dockerfile, build_args),
      .templated = true,
      .help = "values of its ARGs" },
    { 0 },
};

static const struct skf_field dependency_fields[] = {
    { .name = "paths",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_custom_dependencies, paths),
      .oneof = "dependencies",
      .help = "globs below the context" },
    { .name = "ignore",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_custom_dependencies, ignore),
      .help = "globs to leave out of 'paths'" },
    { .name = "command",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_custom_dependencies, command),
      .oneof = "dependencies",
      .help = "prints a JSON list of files; run in the context, without a shell" },
    { .name = "dockerfile",
      .type = SKF_T_STRUCT_PTR,
      .offset = offsetof(struct skf_custom_dependencies, dockerfile),
      .sub = dockerfile_fields,
      .size = sizeof(struct skf_custom_dockerfile),
      .oneof = "dependencies",
      .help = "a Dockerfile that the command builds" },
    { 0 },
};

const struct skf_field skf_custom_fields[] = {
    { .name = "buildCommand",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_custom_options, build_command),
      .templated = true,
      .help = "run by 'sh -c' in the context: makes the image $IMAGE, and pushes it when "
              "$PUSH_IMAGE is "
              "true" },
    { .name = "dependencies",
      .type = SKF_T_STRUCT_PTR,
      .offset = offsetof(struct skf_custom_options, dependencies),
      .sub = dependency_fields,
      .size = sizeof(struct skf_custom_dependencies),
      .help = "what to watch; default: everything below the context" },
    { 0 },
};

static int check(const struct skf_artifact *a, struct skf_err *err)
{
    const struct skf_custom_options *o = a->options;
    const struct skf_custom_dependencies *d = o ? o->dependencies : NULL;
    if (!o || !o->build_command || !o->build_command[0])
        return skf_err_set(
            err, SKF_ECONFIG,
            "the custom builder of '%s' has no 'buildCommand': say what makes the image", a->image);
    if (d && d->ignore.n && !d->paths.n)
        return skf_err_set(err, SKF_ECONFIG,
                           "'dependencies.ignore' of '%s' works with 'paths' only: add 'paths'",
                           a->image);
    return 0;
}

const struct skf_builder_ops skf_builder_custom = {
    .name = "custom",
    .options = skf_custom_fields,
    .options_size = sizeof(struct skf_custom_options),
    .summary = "your own command",
    .inputs = skf_custom_inputs_start,
    .cancel_inputs = skf_custom_inputs_cancel,
    .start = skf_custom_build_start,
    .cancel = skf_custom_build_cancel,
    .check = check,
    .shut_down = skf_docker_forget_all,
};
