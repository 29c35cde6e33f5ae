#include "builders/registry.h"

#include <string.h>

#include "builders/custom/custom.h"
#include "builders/docker/docker.h"
#include "builders/ko/ko.h"

const struct skf_builder_ops *const skf_builders[] = {
    &skf_builder_ko,
    &skf_builder_docker,
    &skf_builder_custom,
    NULL,
};

const struct skf_builder_ops *skf_builder_find(const char *name)
{
    for (size_t i = 0; skf_builders[i]; i++)
        if (strcmp(skf_builders[i]->name, name) == 0)
            return skf_builders[i];
    return NULL;
}

const struct skf_section *skf_builder_sections(void)
{
    static struct skf_section sections[SKF_ARRAY_LEN(skf_builders)];
    for (size_t i = 0; skf_builders[i]; i++)
        sections[i] = (struct skf_section){ .name = skf_builders[i]->name,
                                            .fields = skf_builders[i]->options,
                                            .size = skf_builders[i]->options_size };
    return sections;
}
