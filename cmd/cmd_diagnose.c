#include <string.h>

#include "builders/registry.h"
#include "cmd/commands.h"
#include "cmd/session.h"

int cmd_diagnose(const struct options *o)
{
    struct session s;
    int code = session_open(&s, o, "diagnose", NEEDS_ONLY_CONFIG, true);
    if (code == 0) {
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        size_t artifacts = 0;
        for (size_t i = 0; i < s.config.n_modules; i++)
            artifacts += s.config.modules[i].n_artifacts;
        if (!o->yaml_only)
            fprintf(stderr, "skiff version: %s\nNumber of artifacts: %zu\n\n", SKIFF_VERSION,
                    artifacts);
        skf_config_effective(&s.config, skf_builder_sections(), true, o->enable_templating, &text);
        code = session_write(&s, &text);
    }
    session_close(&s);
    return code;
}
