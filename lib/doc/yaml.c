/* lib/doc/yaml.c: libyaml's events to a tree. */
#include <string.h>
#include <yaml.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/doc/internal.h"

struct reader {
    struct skf_doc *d;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; owned */
    bool have;
    size_t base;          /* bytes in front of what libyaml sees */
    size_t index, offset; /* a cursor: character number and its byte, both behind base */
    struct skf_map anchors;
    uint64_t weight; /* of the document so far, aliases expanded */
    struct skf_err *err;
};

/* libyaml counts characters; the tree counts bytes. Marks come nearly in order: walk. */
static size_t byte_of(struct reader *r, size_t index)
{
    const char *text = r->d->text + r->base;
    size_t len = r->d->len - r->base;
    while (r->index < index && r->offset < len) {
        do
            r->offset++;
        while (r->offset < len && ((unsigned char)text[r->offset] & 0xc0) == 0x80);
        r->index++;
    }
    while (r->index > index && r->offset > 0) {
        do
            r->offset--;
        while (r->offset > 0 && ((unsigned char)text[r->offset] & 0xc0) == 0x80);
        r->index--;
    }
    return r->base + r->offset;
}

static int fail(struct reader *r, enum skf_code code, const yaml_mark_t *at, const char *text)
{
    skf_err_set(r->err, code, "%s", text);
    return skf_err_at(r->err, r->d->file, (int)at->line + 1, (int)at->column + 1);
}

/* Is there a tab among the blanks that line `line` (0-based) starts with? Column of it, or -1. */
static int tab_in_indent(const struct skf_doc *d, size_t line)
{
    size_t len;
    const char *p = skf_doc_line(d, (int)line + 1, &len);
    for (size_t i = 0; p && i < len && (p[i] == ' ' || p[i] == '\t'); i++) {
        if (p[i] == '\t')
            return (int)i;
    }
    return -1;
}

static const char *explain(const char *problem)
{
    static const struct {
        const char *problem, *words;
    } table[] = {
        { "mapping values are not allowed in this context",
          "a ':' where no key can stand: is the indentation wrong, or does text with ': ' need "
          "quotes?" },
        { "did not find expected key", "expected a key here: is the indentation wrong?" },
        { "did not find expected '-' indicator", "expected '- ' here: is the indentation wrong?" },
        { "could not find expected ':'", "expected ':' after the key" },
        { "block sequence entries are not allowed in this context",
          "a '- ' where no list can start: put it on a line of its own" },
        { "did not find expected ',' or ']'", "expected ',' or ']' in the list" },
        { "did not find expected ',' or '}'", "expected ',' or '}' in the mapping" },
        { "did not find expected node content",
          "expected a value here: is a '[' or '{' not closed?" },
        { "did not find expected comment or line break",
          "nothing may stand after '|' or '>': the text begins on the next line" },
        { "found unexpected end of stream", "the text ends in the middle of a quoted value" },
        { "found unknown escape character", "an unknown escape after '\\' in double quotes" },
        { "found character that cannot start any token",
          "this character cannot start a value: put the value in quotes" },
        { "did not find expected alphabetic or numeric character",
          "'*' and '&' start an alias or anchor and need a name: put the value in quotes" },
        { "found undefined tag handle", "'!' starts a tag: put the value in quotes" },
        { "exceeded max nesting", "the text is nested too deeply" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(table); i++) {
        if (strncmp(problem, table[i].problem, strlen(table[i].problem)) == 0)
            return table[i].words;
    }
    return problem;
}

static int parser_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_READER_ERROR) {
        int line, col;
        skf_doc_locate(r->d, r->base + p->problem_offset, &line, &col);
        skf_err_set(r->err, SKF_ECONFIG, "the control character 0x%02x is not allowed in YAML",
                    (unsigned)p->problem_value);
        return skf_err_at(r->err, r->d->file, line, col);
    }
    if (p->error == YAML_MEMORY_ERROR)
        return skf_err_set(r->err, SKF_ETOOBIG, "out of memory while reading '%s'", r->d->file);
    const char *problem = p->problem ? p->problem : "syntax error";
    yaml_mark_t at = p->problem_mark;
    int tab = tab_in_indent(r->d, at.line);
    if (tab >= 0) {
        at.column = (size_t)tab;
        return fail(r, SKF_ECONFIG, &at, "a tab in the indentation: YAML wants spaces");
    }
    int rc = fail(r, SKF_ECONFIG, &at, explain(problem));
    if (p->context && p->context_mark.line != at.line) {
        size_t len = strlen(r->err->msg);
        snprintf(r->err->msg + len, sizeof r->err->msg - len, " (%s that starts in line %zu)",
                 p->context, p->context_mark.line + 1);
    }
    return rc;
}

static int next(struct reader *r)
{
    if (r->have)
        yaml_event_delete(&r->event);
    r->have = false;
    if (!yaml_parser_parse(&r->parser, &r->event))
        return parser_error(r);
    r->have = true;
    return 0;
}

static const char *short_tag(struct skf_doc *d, const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";
    const char *t = (const char *)tag;
    if (!t)
        return NULL;
    if (strncmp(t, core, sizeof core - 1) == 0)
        return skf_arena_printf(&d->arena, "!!%s", t + sizeof core - 1);
    return skf_arena_strdup(&d->arena, t);
}

/* An event starts at its anchor and tag; a node starts behind them. No more than it has: what
 * follows may be those of its first key. */
static size_t skip_properties(const struct skf_doc *d, size_t at, size_t end, bool anchor, bool tag)
{
    while (at < end && ((anchor && d->text[at] == '&') || (tag && d->text[at] == '!'))) {
        if (d->text[at] == '&')
            anchor = false;
        else
            tag = false;
        while (at < end && !strchr(" \t\r\n", d->text[at]))
            at++;
        for (;;) {
            while (at < end && strchr(" \t\r\n", d->text[at]))
                at++;
            if (at >= end || d->text[at] != '#')
                break;
            while (at < end && d->text[at] != '\n')
                at++;
        }
    }
    return at;
}

static void place(struct reader *r, struct skf_node *n, const yaml_char_t *anchor,
                  const yaml_char_t *tag)
{
    const yaml_mark_t *mark = &r->event.start_mark;
    n->start = (uint32_t)byte_of(r, mark->index);
    n->end = (uint32_t)byte_of(r, r->event.end_mark.index);
    n->line = (int)mark->line + 1;
    n->col = (int)mark->column + 1;
    n->tag = short_tag(r->d, tag);
    if (!anchor && !tag)
        return;
    /* The end of a collection's start event is behind "{" or still at the properties. */
    size_t limit = n->kind == SKF_SCALAR ? n->end : r->d->len;
    size_t start = skip_properties(r->d, n->start, limit, anchor != NULL, tag != NULL);
    for (size_t i = n->start; i < start; i++) {
        if (r->d->text[i] == '\n') {
            n->line++;
            n->col = 1;
        } else if (((unsigned char)r->d->text[i] & 0xc0) != 0x80) {
            n->col++;
        }
    }
    n->start = (uint32_t)start;
    if (n->end < n->start)
        n->end = n->start;
    if (anchor) {
        n->anchor = skf_arena_strdup(&r->d->arena, (const char *)anchor);
        /* Known at once, so that an alias inside itself can be told from an unknown one. */
        skf_map_put(&r->anchors, n->anchor, n);
    }
}

static int too_many(struct reader *r, const yaml_mark_t *at)
{
    char text[160];
    snprintf(text, sizeof text,
             "more than %d values once all aliases are followed: this file is refused",
             SKF_DOC_MAX_NODES);
    return fail(r, SKF_ETOOBIG, at, text);
}

static int read_node(struct reader *r, unsigned depth, struct skf_node **out, bool *aliased);

static int read_alias(struct reader *r, unsigned depth, struct skf_node **out)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    struct skf_node *target = skf_map_get(&r->anchors, name);
    char text[200];
    if (!target) {
        snprintf(text, sizeof text, "no anchor '&%.100s' stands above this alias", name);
        return fail(r, SKF_ECONFIG, &r->event.start_mark, text);
    }
    if (target->kind != SKF_SCALAR && !target->end) {
        snprintf(text, sizeof text, "the alias '*%.100s' stands inside its own anchor", name);
        return fail(r, SKF_ECONFIG, &r->event.start_mark, text);
    }
    r->weight += target->weight;
    if (r->weight > SKF_DOC_MAX_NODES)
        return too_many(r, &r->event.start_mark);
    if (depth + target->height > SKF_DOC_MAX_DEPTH)
        return fail(r, SKF_ETOOBIG, &r->event.start_mark,
                    "nested deeper than 100 levels once aliases are followed");
    target->shared = true;
    *out = target;
    return next(r);
}

static int read_scalar(struct reader *r, struct skf_node **out)
{
    static const enum skf_style styles[] = {
        [YAML_PLAIN_SCALAR_STYLE] = SKF_STYLE_PLAIN,
        [YAML_SINGLE_QUOTED_SCALAR_STYLE] = SKF_STYLE_SINGLE,
        [YAML_DOUBLE_QUOTED_SCALAR_STYLE] = SKF_STYLE_DOUBLE,
        [YAML_LITERAL_SCALAR_STYLE] = SKF_STYLE_LITERAL,
        [YAML_FOLDED_SCALAR_STYLE] = SKF_STYLE_FOLDED,
    };
    unsigned style = r->event.data.scalar.style;
    struct skf_node *n = skf_node_new(
        r->d, SKF_SCALAR, style < SKF_ARRAY_LEN(styles) ? styles[style] : SKF_STYLE_PLAIN);
    place(r, n, r->event.data.scalar.anchor, r->event.data.scalar.tag);
    n->len = r->event.data.scalar.length;
    char *copy = skf_arena_alloc(&r->d->arena, n->len + 1);
    memcpy(copy, r->event.data.scalar.value, n->len);
    n->text = copy;
    *out = n;
    return next(r);
}

static int merge_one(struct reader *r, struct skf_node *map, const struct skf_node *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct skf_node *key = from->entries[i].key;
        if (key->kind != SKF_SCALAR || skf_node_entry(map, key->text))
            continue;
        r->weight += from->entries[i].value->weight + 1u;
        if (r->weight > SKF_DOC_MAX_NODES) {
            yaml_mark_t at = { 0, (size_t)map->line - 1, (size_t)map->col - 1 };
            return too_many(r, &at);
        }
        struct skf_entry e = from->entries[i];
        e.merged = true;
        skf_node_push_entry(r->d, map, e);
    }
    return 0;
}

static bool is_merge_key(const struct skf_node *k)
{
    return k->kind == SKF_SCALAR && k->style == SKF_STYLE_PLAIN && strcmp(k->text, "<<") == 0 &&
           (!k->tag || strcmp(k->tag, "!!merge") == 0);
}

/* Takes the "<<" entries out and appends what they bring; own keys win, then the first source. */
static int merge(struct reader *r, struct skf_node *map)
{
    size_t own = 0, n_sources = 0;
    skf_autofree const struct skf_node **sources = NULL;
    for (size_t i = 0; i < map->n; i++) {
        if (is_merge_key(map->entries[i].key)) {
            if (!sources)
                sources = skf_xcalloc(map->n, sizeof(struct skf_node *));
            sources[n_sources++] = map->entries[i].value;
        } else {
            map->entries[own++] = map->entries[i];
        }
    }
    map->n = own;
    for (size_t i = 0; i < n_sources; i++) {
        const struct skf_node *s = sources[i];
        const struct skf_node *bad = s;
        int rc = 0;
        if (s->kind == SKF_MAPPING) {
            bad = NULL;
            rc = merge_one(r, map, s);
        } else if (s->kind == SKF_SEQUENCE) {
            bad = NULL;
            for (size_t k = 0; k < s->n && !rc && !bad; k++) {
                if (s->items[k]->kind == SKF_MAPPING)
                    rc = merge_one(r, map, s->items[k]);
                else
                    bad = s->items[k];
            }
        }
        if (bad)
            return skf_node_err(r->err, bad, SKF_ECONFIG,
                                "'<<' merges a mapping or a list of mappings, found %s",
                                skf_node_kind_words(bad));
        if (rc)
            return rc;
    }
    return 0;
}

static int read_mapping(struct reader *r, unsigned depth, struct skf_node **out)
{
    bool flow = r->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    struct skf_node *n = skf_node_new(r->d, SKF_MAPPING, flow ? SKF_STYLE_FLOW : SKF_STYLE_BLOCK);
    place(r, n, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
    n->end = 0; /* open: see read_alias */
    bool merges = false;
    int rc = next(r);
    while (rc == 0 && r->event.type != YAML_MAPPING_END_EVENT) {
        struct skf_entry e = { 0 };
        bool key_alias;
        rc = read_node(r, depth + 1, &e.key, &key_alias);
        if (rc == 0) {
            e.alias_end = (uint32_t)byte_of(r, r->event.end_mark.index);
            rc = read_node(r, depth + 1, &e.value, &e.aliased);
        }
        if (rc)
            return rc;
        if (is_merge_key(e.key)) {
            merges = true;
            n->merge_end = e.aliased ? e.alias_end : e.value->end;
            while (n->merge_end > e.key->end && strchr(" \t\r\n", r->d->text[n->merge_end - 1]))
                n->merge_end--;
        }
        skf_node_push_entry(r->d, n, e);
    }
    if (rc)
        return rc;
    n->end = (uint32_t)byte_of(r, flow ? r->event.end_mark.index : r->event.start_mark.index);
    if (n->end <= n->start)
        n->end = n->start + 1; /* never 0 again: the mapping is closed */
    rc = merges ? merge(r, n) : 0;
    if (rc)
        return rc;
    skf_node_close(r->d, n);
    *out = n;
    return next(r);
}

static int read_sequence(struct reader *r, unsigned depth, struct skf_node **out)
{
    bool flow = r->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    struct skf_node *n = skf_node_new(r->d, SKF_SEQUENCE, flow ? SKF_STYLE_FLOW : SKF_STYLE_BLOCK);
    place(r, n, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag);
    n->end = 0;
    int rc = next(r);
    while (rc == 0 && r->event.type != YAML_SEQUENCE_END_EVENT) {
        struct skf_node *item = NULL;
        bool aliased;
        rc = read_node(r, depth + 1, &item, &aliased);
        if (rc == 0)
            skf_node_append(r->d, n, item);
    }
    if (rc)
        return rc;
    n->end = (uint32_t)byte_of(r, flow ? r->event.end_mark.index : r->event.start_mark.index);
    if (n->end <= n->start)
        n->end = n->start + 1;
    skf_node_close(r->d, n);
    *out = n;
    return next(r);
}

static int read_node(struct reader *r, unsigned depth, struct skf_node **out, bool *aliased)
{
    *aliased = r->event.type == YAML_ALIAS_EVENT;
    if (depth > SKF_DOC_MAX_DEPTH)
        return fail(r, SKF_ETOOBIG, &r->event.start_mark, "nested deeper than 100 levels");
    if (++r->weight > SKF_DOC_MAX_NODES)
        return too_many(r, &r->event.start_mark);
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return read_alias(r, depth, out);
    case YAML_SCALAR_EVENT:
        return read_scalar(r, out);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, depth, out);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(r, depth, out);
    default:
        return fail(r, SKF_EBUG, &r->event.start_mark, "unexpected event from libyaml");
    }
}

/* Where the content of a document starts: behind "---" and, if nothing stands there, its line end.
 */
static size_t content_start(const struct skf_doc *d, size_t at)
{
    size_t p = at + strspn(d->text + at, " \t");
    if (d->text[p] == '\r')
        p++;
    return d->text[p] == '\n' ? p + 1 : at;
}

static bool is_empty_root(const struct skf_node *n)
{
    return n->kind == SKF_SCALAR && n->style == SKF_STYLE_PLAIN && n->len == 0 && !n->tag &&
           !n->anchor && n->start == n->end;
}

static int read_document(struct reader *r, size_t *from)
{
    struct skf_doc *d = r->d;
    bool implicit = r->event.data.document_start.implicit;
    struct skf_part part = { 0 };
    if (implicit) {
        part.start = *from;
    } else {
        part.start = content_start(d, byte_of(r, r->event.end_mark.index));
    }
    int rc = next(r);
    bool aliased;
    if (rc == 0)
        rc = read_node(r, 1, &part.root, &aliased);
    if (rc)
        return rc;
    /* The end event of an open-ended document stands at the next "---" or the end of the text. */
    part.end = byte_of(r, r->event.start_mark.index);
    *from = r->event.data.document_end.implicit
                ? part.end
                : content_start(d, byte_of(r, r->event.end_mark.index));
    if (is_empty_root(part.root))
        part.root = NULL;
    if (part.start > part.end)
        part.start = part.end;
    int col;
    if (d->n_parts == 0) {
        skf_doc_locate(d, part.start, &part.line, &col);
    } else {
        const struct skf_part *before = &d->parts[d->n_parts - 1];
        part.line = before->line;
        for (size_t i = before->start; i < part.start; i++)
            part.line += d->text[i] == '\n';
    }
    *skf_doc_add_part(d) = part;
    skf_map_release(&r->anchors);
    return next(r);
}

static int read_stream(struct reader *r, size_t at)
{
    size_t from = at;
    int rc = next(r); /* stream start */
    if (rc == 0)
        rc = next(r);
    while (rc == 0 && r->event.type == YAML_DOCUMENT_START_EVENT)
        rc = read_document(r, &from);
    return rc;
}

int skf_doc_read_yaml(struct skf_doc *d, size_t at, struct skf_err *err)
{
    struct reader r = { .d = d, .base = at, .err = err };
    if (!yaml_parser_initialize(&r.parser))
        return skf_err_set(err, SKF_ETOOBIG, "out of memory while reading '%s'", d->file);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)d->text + at, d->len - at);
    int rc = read_stream(&r, at);
    if (r.have)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    skf_map_release(&r.anchors);
    return rc;
}
