/* cmd/commands.h: the commands. One const entry each in commands.c; help is made from it. */
#ifndef SKF_CMD_COMMANDS_H
#define SKF_CMD_COMMANDS_H
#include "cmd/options.h"

struct command {
    const char *name;
    unsigned bit;                        /* which options it knows */
    const char *summary;                 /* one line */
    const char *text;                    /* more, for its own help */
    int (*run)(const struct options *o); /* returns the exit code */
    const char *arguments;               /* what else it takes, for help; NULL = nothing */
};

extern const struct command commands[];
extern const size_t commands_count;
const struct command *command_find(const char *name);
void command_help(const struct command *c, FILE *to);
/* Says so on standard error, with the command that was probably meant; the exit code. */
int command_unknown(const char *name);
void commands_overview(FILE *to);

int cmd_dev(const struct options *o);
int cmd_debug(const struct options *o); /* cmd_dev.c */
int cmd_run(const struct options *o);
int cmd_build(const struct options *o);
int cmd_render(const struct options *o);
int cmd_delete(const struct options *o);
int cmd_diagnose(const struct options *o);
int cmd_init(const struct options *o);
int cmd_filter(const struct options *o);
int cmd_deploy(const struct options *o);
int cmd_apply(const struct options *o);
int cmd_exec(const struct options *o);
int cmd_verify(const struct options *o);
int cmd_test(const struct options *o);
int cmd_fix(const struct options *o);
int cmd_schema(const struct options *o);
int cmd_config(const struct options *o);
int cmd_state(const struct options *o);
int cmd_wait(const struct options *o);
int cmd_trigger(const struct options *o);
int cmd_events(const struct options *o);
int cmd_why(const struct options *o);
int cmd_logs(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_version(const struct options *o);
int cmd_help(const struct options *o);
#endif
