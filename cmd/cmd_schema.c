#include "builders/registry.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "lib/config/load.h"

int cmd_schema(const struct options *o)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    (void)o;
    skf_config_schema(skf_builder_sections(), &text);
    fwrite(text.data, 1, text.len, stdout);
    return EXIT_CODE_OK;
}
