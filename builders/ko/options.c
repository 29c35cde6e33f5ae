#include "builders/ko/ko.h"

#include "builders/ko/args.h"
#include "builders/ko/session.h"

static const struct skf_field dependency_fields[] = {
    { .name = "paths",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_ko_dependencies, paths),
      .help = "globs below the context to watch, instead of what Go itself says a build reads" },
    { .name = "ignore",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_ko_dependencies, ignore),
      .help = "globs to leave out of 'paths'" },
    { 0 },
};

const struct skf_field skf_ko_fields[] = {
    { .name = "fromImage",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_ko_options, from_image),
      .help = "base image; also 'scratch', and 'skiff.local/static', which is built into skiff; "
              "default: .ko.yaml, KO_DEFAULTBASEIMAGE, cgr.dev/chainguard/static:latest" },
    { .name = "dir",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_ko_options, dir),
      .help = "directory in which Go runs, relative to the context" },
    { .name = "main",
      .type = SKF_T_STRING,
      .offset = offsetof(struct skf_ko_options, main),
      .help = "main package, relative to 'dir'; default '.'" },
    { .name = "env",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_ko_options, env),
      .templated = true,
      .help = "K=V, environment of 'go build'" },
    { .name = "flags",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_ko_options, flags),
      .templated = true,
      .help = "flags of 'go build'" },
    { .name = "ldflags",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_ko_options, ldflags),
      .templated = true,
      .help = "flags of the linker, joined to one -ldflags" },
    { .name = "labels",
      .type = SKF_T_STRING_MAP,
      .offset = offsetof(struct skf_ko_options, labels),
      .templated = true,
      .help = "labels of the image" },
    { .name = "args",
      .type = SKF_T_STRINGS,
      .offset = offsetof(struct skf_ko_options, args),
      .help = "flags of the ko program (--platform, --image-label ...) or of 'go build'; not "
              "Skaffold's, but tutorials have it" },
    { .name = "dependencies",
      .type = SKF_T_STRUCT_PTR,
      .offset = offsetof(struct skf_ko_options, dependencies),
      .sub = dependency_fields,
      .size = sizeof(struct skf_ko_dependencies),
      .help = "what to watch; default: the files that Go's import graph names" },
    { 0 },
};

static int check(const struct skf_artifact *a, struct skf_err *err)
{
    const struct skf_ko_options *o = a->options;
    struct skf_ko_args args = { 0 };
    int rc = o ? skf_ko_args_parse(&o->args, &args, err) : 0;
    skf_ko_args_release(&args);
    return rc;
}

const struct skf_builder_ops skf_builder_ko = {
    .name = "ko",
    .options = skf_ko_fields,
    .options_size = sizeof(struct skf_ko_options),
    .summary = "Go programs, without a Dockerfile",
    .inputs = skf_ko_inputs_start,
    .cancel_inputs = skf_ko_inputs_cancel,
    .start = skf_ko_build_start,
    .cancel = skf_ko_build_cancel,
    .check = check,
    .where = skf_ko_where,
    .receiver = skf_ko_receiver,
    .debugger = skf_ko_debugger,
    .debug_port = SKF_KO_DEBUG_PORT,
    .cache_key = skf_ko_cache_key,
    .shut_down = skf_ko_session_forget_all,
};
