#include <string.h>

#include "builders/registry.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "lib/config/load.h"
#include "lib/config/version.h"

static int usage(const char *said, const char *value)
{
    fprintf(stderr, "skiff: %s '%s'\nusage: skiff schema [list | get VERSION]\n", said, value);
    return EXIT_CODE_USAGE;
}

static int list(void)
{
    for (int i = 0; i < SKF_VERSION_COUNT; i++)
        printf("skaffold/%s\n", skf_version_name(i));
    return EXIT_CODE_OK;
}

static int print(void)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_config_schema(skf_builder_sections(), &text);
    fwrite(text.data, 1, text.len, stdout);
    return EXIT_CODE_OK;
}

int cmd_schema(const struct options *o)
{
    const char *verb = o->arguments.n ? o->arguments.v[0] : NULL;
    bool odd;
    if (!verb)
        return print();
    if (strcmp(verb, "list") == 0 && o->arguments.n == 1)
        return list();
    if (strcmp(verb, "get") != 0 || o->arguments.n != 2)
        return usage("unknown arguments from", verb);
    if (skf_version_find(o->arguments.v[1], &odd) < 0)
        return usage("unknown version", o->arguments.v[1]);
    if (strcmp(o->arguments.v[1], SKF_VERSION_NEWEST) == 0)
        return print();
    fprintf(stderr,
            "skiff: there is a schema of the newest version only, " SKF_VERSION_NEWEST
            ": 'skiff fix' brings a file of %s to it\n",
            o->arguments.v[1]);
    return EXIT_CODE_FAILED;
}
