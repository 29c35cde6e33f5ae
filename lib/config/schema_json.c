/* lib/config/schema_json.c: the tables as a JSON schema, for editors. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/config/version.h"
#include "lib/doc/emit.h"

struct writer {
    struct skf_buf *out;
    const struct skf_artifact_schema *artifact;
    int indent;
};

static void line(struct writer *w, const char *comma)
{
    skf_buf_addf(w->out, "%s\n%*s", comma, w->indent, "");
}

static void string(struct writer *w, const char *text)
{
    skf_emit_json_string(text, strlen(text), w->out);
}

static void begin(struct writer *w, char c)
{
    skf_buf_addc(w->out, c);
    w->indent += 2;
}

static void end(struct writer *w, char c)
{
    w->indent -= 2;
    line(w, "");
    skf_buf_addc(w->out, c);
}

static void fields(struct writer *w, const struct skf_field *f);

static void list_of(struct writer *w, const struct skf_field *sub)
{
    skf_buf_adds(w->out, "\"type\": \"array\", \"items\": ");
    if (sub) {
        begin(w, '{');
        line(w, "");
        fields(w, sub);
        end(w, '}');
    } else {
        skf_buf_adds(w->out, "{\"type\": [\"string\", \"number\", \"boolean\"]}");
    }
}

static const struct skf_section *section_of(const struct writer *w, const struct skf_field *f)
{
    for (size_t i = 0; f->oneof && strcmp(f->oneof, "builder") == 0 && i < w->artifact->n_sections;
         i++) {
        if (strcmp(w->artifact->sections[i].name, f->name) == 0)
            return &w->artifact->sections[i];
    }
    return NULL;
}

static void type_of(struct writer *w, const struct skf_field *f)
{
    const struct skf_section *section = section_of(w, f);
    switch (f->type) {
    case SKF_T_STRING:
    case SKF_T_INT_OR_NAME:
        skf_buf_adds(w->out, "\"type\": [\"string\", \"number\", \"boolean\", \"null\"]");
        break;
    case SKF_T_BOOL:
    case SKF_T_TRISTATE:
        skf_buf_adds(w->out, "\"type\": [\"boolean\", \"null\"]");
        break;
    case SKF_T_INT:
        skf_buf_adds(w->out, "\"type\": [\"integer\", \"null\"]");
        break;
    case SKF_T_STRINGS:
        list_of(w, NULL);
        break;
    case SKF_T_STRING_MAP:
        skf_buf_adds(w->out,
                     "\"type\": \"object\", \"additionalProperties\": {\"type\": [\"string\", "
                     "\"number\", \"boolean\", \"null\"]}");
        break;
    case SKF_T_STRUCT:
    case SKF_T_STRUCT_PTR:
        if (f->sub)
            fields(w, f->sub);
        else
            skf_buf_adds(w->out, "\"type\": \"object\"");
        break;
    case SKF_T_LIST:
        list_of(w, f->sub);
        break;
    case SKF_T_ANY:
        if (section && section->fields)
            fields(w, section->fields);
        else if (strcmp(f->name, "artifacts") == 0)
            list_of(w, w->artifact->fields);
        else if (strcmp(f->name, "profiles") == 0)
            list_of(w, skf_schema_profile);
        else
            skf_buf_adds(w->out, "\"$comment\": \"taken as it is\"");
        break;
    case SKF_T_FLAT_MAP:
        skf_buf_adds(w->out, "\"type\": \"object\"");
        break;
    }
}

/* What it is for, and what skiff does not do about it. */
static void describe(struct writer *w, const struct skf_field *f)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (f->help)
        skf_buf_adds(&text, f->help);
    if (f->templated)
        skf_buf_addf(&text, "%stemplates are expanded in it", text.len ? "; " : "");
    if (f->refused)
        skf_buf_addf(&text, "%snot supported by skiff: %s", text.len ? "; " : "", f->refused);
    if (!text.len)
        return;
    skf_buf_adds(w->out, "\"description\": ");
    string(w, text.data);
    line(w, ",");
    if (f->refused) {
        skf_buf_adds(w->out, "\"deprecated\": true");
        line(w, ",");
    }
}

static void fields(struct writer *w, const struct skf_field *f)
{
    skf_buf_adds(w->out, "\"type\": \"object\",");
    line(w, "");
    skf_buf_adds(w->out, "\"additionalProperties\": false,");
    line(w, "");
    skf_buf_adds(w->out, "\"properties\": ");
    begin(w, '{');
    for (const struct skf_field *x = f; x->name; x++) {
        line(w, x == f ? "" : ",");
        string(w, x->name);
        skf_buf_adds(w->out, ": ");
        begin(w, '{');
        line(w, "");
        describe(w, x);
        type_of(w, x);
        if (x->def) {
            line(w, ",");
            skf_buf_adds(w->out, "\"default\": ");
            string(w, x->def);
        }
        end(w, '}');
    }
    end(w, '}');
    bool any = false;
    for (const struct skf_field *x = f; x->name; x++) {
        if (!x->required)
            continue;
        if (!any) {
            line(w, ",");
            skf_buf_adds(w->out, "\"required\": [");
        }
        skf_buf_adds(w->out, any ? ", " : "");
        string(w, x->name);
        any = true;
    }
    if (any)
        skf_buf_addc(w->out, ']');
}

void skf_config_schema(const struct skf_section *builders, struct skf_buf *out)
{
    struct skf_arena arena = SKF_ARENA_INIT;
    struct skf_artifact_schema artifact;
    skf_schema_artifact_init(&artifact, builders, &arena);
    struct writer w = { .out = out, .artifact = &artifact };
    begin(&w, '{');
    line(&w, "");
    skf_buf_adds(out, "\"$schema\": \"http://json-schema.org/draft-07/schema#\",");
    line(&w, "");
    skf_buf_adds(out, "\"title\": \"" SKF_VERSION_NEWEST ", as skiff reads it\",");
    line(&w, "");
    /* Anchors are kept under names that start with a dot. */
    skf_buf_adds(out, "\"patternProperties\": {\"^\\\\.\": {}},");
    line(&w, "");
    fields(&w, skf_schema_config);
    end(&w, '}');
    skf_buf_addc(out, '\n');
    skf_arena_release(&arena);
}
