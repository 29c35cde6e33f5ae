#include "lib/doc/edit.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/doc/emit.h"

void skf_edits_release(struct skf_edits *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->v[i].text);
    free(e->v);
    *e = (struct skf_edits)SKF_EDITS_INIT;
}

void skf_edit_add(struct skf_edits *e, size_t start, size_t end, const char *text)
{
    if (e->n == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 8;
        e->v = skf_xreallocarray(e->v, e->cap, sizeof *e->v);
    }
    e->v[e->n++] = (struct skf_edit){ start, end, skf_xstrdup(text), false };
}

/* The new text of a scalar in the quoting style it has. */
static void restyle(struct skf_buf *out, const struct skf_node *n, const char *value)
{
    size_t len = strlen(value);
    if (n->doc->json || n->style == SKF_STYLE_DOUBLE) {
        skf_emit_json_string(value, len, out);
    } else if (n->style == SKF_STYLE_SINGLE && !strpbrk(value, "'\n\r\t")) {
        skf_buf_addf(out, "'%s'", value);
    } else {
        /* Where it stands is unknown here: what is safe inside { } is safe everywhere. */
        skf_edit_quote(out, value, len, true);
    }
}

/* An absent value can be filled in only behind its ':' or '-': "{a}" and "? a" have none, and
 * behind a lonely anchor or tag the text is not worth the trouble. */
static int check_place(const struct skf_node *n, struct skf_err *err)
{
    if (n->doc->odd_breaks)
        return skf_node_err(err, n, SKF_EUNSUPPORTED, "the file has unusual line ends");
    if (n->start != n->end || (n->start > 0 && strchr(":-", n->doc->text[n->start - 1])))
        return 0;
    return skf_node_err(err, n, SKF_EUNSUPPORTED, "there is no place for a value here");
}

int skf_edit_scalar(struct skf_edits *e, const struct skf_node *scalar, const char *value,
                    struct skf_err *err)
{
    if (!scalar || scalar->kind != SKF_SCALAR)
        return skf_node_err(err, scalar, SKF_EINVAL, "expected text here, found %s",
                            skf_node_kind_words(scalar));
    if (!scalar->line)
        return skf_node_err(err, scalar, SKF_EBUG, "a value without a place in the text");
    int rc = check_place(scalar, err);
    if (rc)
        return rc;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    const char *source = scalar->doc->text;
    if (scalar->start == scalar->end)
        skf_buf_addc(&text, ' ');
    restyle(&text, scalar, value);
    bool block = scalar->style == SKF_STYLE_LITERAL || scalar->style == SKF_STYLE_FOLDED;
    if (block && scalar->end > 0 && source[scalar->end - 1] == '\n')
        skf_buf_addc(&text, '\n');
    skf_edit_add(e, scalar->start, scalar->end, text.data);
    e->v[e->n - 1].fills = true;
    return 0;
}

/* --- adding to mappings ----------------------------------------------------------------------- */

struct addition {
    const char *const *keys;  /* mappings to open first, ends with NULL */
    const char *const *pairs; /* then these */
    bool json;                /* quote everything as JSON */
};

static void add_word(struct skf_buf *out, const char *word, const struct addition *a, bool flow)
{
    if (a->json)
        skf_emit_json_string(word, strlen(word), out);
    else
        skf_edit_quote(out, word, strlen(word), flow);
}

static void add_spaces(struct skf_buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        skf_buf_addc(out, ' ');
}

/* "labels:\n  a: b\n  c: d" with every line but the first indented; no line end behind. */
static void block_text(struct skf_buf *out, const struct addition *a, size_t indent,
                       const char *eol)
{
    for (const char *const *k = a->keys; *k; k++) {
        add_word(out, *k, a, false);
        skf_buf_addf(out, ":%s", eol);
        indent += 2;
        add_spaces(out, indent);
    }
    for (const char *const *p = a->pairs; *p; p += 2) {
        if (p != a->pairs) {
            skf_buf_adds(out, eol);
            add_spaces(out, indent);
        }
        add_word(out, p[0], a, false);
        skf_buf_adds(out, ": ");
        add_word(out, p[1], a, false);
    }
}

/* "labels: {a: b, c: d}" */
static void flow_text(struct skf_buf *out, const struct addition *a)
{
    size_t opened = 0;
    for (const char *const *k = a->keys; *k; k++, opened++) {
        add_word(out, *k, a, true);
        skf_buf_adds(out, ": {");
    }
    for (const char *const *p = a->pairs; *p; p += 2) {
        if (p != a->pairs)
            skf_buf_adds(out, ", ");
        add_word(out, p[0], a, true);
        skf_buf_adds(out, ": ");
        add_word(out, p[1], a, true);
    }
    while (opened--)
        skf_buf_addc(out, '}');
}

static const struct skf_entry *last_own(const struct skf_node *map)
{
    for (size_t i = map->n; i > 0; i--) {
        if (!map->entries[i - 1].merged)
            return &map->entries[i - 1];
    }
    return NULL;
}

/* The byte behind the last thing written in a node, and whether that is a block scalar. */
static size_t text_end(const struct skf_node *n, bool *block_scalar)
{
    *block_scalar = n->style == SKF_STYLE_LITERAL || n->style == SKF_STYLE_FOLDED;
    if (n->kind == SKF_SCALAR || n->style == SKF_STYLE_FLOW)
        return n->end;
    if (n->kind == SKF_SEQUENCE) {
        /* An alias as the last item stands elsewhere; its line is found from the item before. */
        const struct skf_node *last = n->n ? n->items[n->n - 1] : NULL;
        if (last && last->start >= n->start && last->end <= n->end)
            return text_end(last, block_scalar);
        *block_scalar = false;
        size_t end = n->end;
        while (end > n->start && strchr(" \t\r\n", n->doc->text[end - 1]))
            end--;
        return end;
    }
    const struct skf_entry *e = last_own(n);
    if (!e)
        return n->merge_end > n->start ? n->merge_end : n->start;
    if (e->aliased)
        return e->alias_end;
    return text_end(e->value, block_scalar);
}

static size_t line_end(const struct skf_doc *d, size_t at)
{
    while (at < d->len && d->text[at] != '\n')
        at++;
    return at > 0 && at < d->len && d->text[at - 1] == '\r' ? at - 1 : at;
}

static const char *eol_of(const struct skf_doc *d)
{
    const char *nl = memchr(d->text, '\n', d->len);
    return nl && nl > d->text && nl[-1] == '\r' ? "\r\n" : "\n";
}

static void add_to_block(struct skf_edits *e, const struct skf_node *map, const struct addition *a)
{
    const struct skf_doc *d = map->doc;
    const char *eol = eol_of(d);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    size_t indent = (size_t)map->col - 1;
    bool block_scalar;
    size_t at = text_end(map, &block_scalar);
    if (block_scalar && at > 0 && d->text[at - 1] == '\n') {
        add_spaces(&text, indent);
        block_text(&text, a, indent, eol);
        skf_buf_adds(&text, eol);
    } else {
        at = line_end(d, at);
        skf_buf_adds(&text, eol);
        add_spaces(&text, indent);
        block_text(&text, a, indent, eol);
    }
    skf_edit_add(e, at, at, text.data);
}

static void add_to_flow(struct skf_edits *e, const struct skf_node *map, const struct addition *a)
{
    const struct skf_doc *d = map->doc;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    size_t at = map->start + 1;
    size_t first = at + strspn(d->text + at, " \t\r\n");
    bool empty = d->text[first] == '}';
    /* Written over several lines: a line of its own, indented like the one that follows. */
    const char *nl = memchr(d->text + at, '\n', first - at);
    if (nl && !empty)
        skf_buf_add(&text, d->text + at, first - at);
    flow_text(&text, a);
    if (!empty)
        skf_buf_adds(&text, nl ? "," : ", ");
    skf_edit_add(e, at, at, text.data);
}

/* The value is absent or null: it becomes a mapping. `outer` holds the key. */
static void fill_in(struct skf_edits *e, const struct skf_node *outer, const struct skf_node *value,
                    const struct addition *a)
{
    const struct skf_doc *d = outer->doc;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (outer->style == SKF_STYLE_FLOW) {
        skf_buf_adds(&text, value->start == value->end ? " {" : "{");
        flow_text(&text, a);
        skf_buf_addc(&text, '}');
    } else {
        const char *eol = eol_of(d);
        size_t indent = (size_t)outer->col + 1;
        skf_buf_adds(&text, eol);
        add_spaces(&text, indent);
        block_text(&text, a, indent, eol);
    }
    skf_edit_add(e, value->start, value->end, text.data);
    e->v[e->n - 1].fills = true;
}

/* Pairs whose key is there already get the new value; the others go to `rest` (NULL-terminated). */
static int put_existing(struct skf_edits *e, const struct skf_node *map, const char *const *pairs,
                        const char **rest, struct skf_err *err)
{
    size_t n = 0;
    for (const char *const *p = pairs; *p; p += 2) {
        const struct skf_entry *have = skf_node_entry(map, p[0]);
        if (!have || have->merged) {
            rest[n++] = p[0];
            rest[n++] = p[1];
            continue;
        }
        if (have->aliased || have->value->shared)
            return skf_node_err(err, have->key, SKF_EUNSUPPORTED,
                                "the value of '%s' is shared through an alias", p[0]);
        const char *old = have->value->kind == SKF_SCALAR ? have->value->text : NULL;
        if (old && strcmp(old, p[1]) == 0 && skf_node_scalar(have->value) == SKF_SCALAR_STRING)
            continue;
        int rc = skf_edit_scalar(e, have->value, p[1], err);
        if (rc)
            return rc;
    }
    rest[n] = NULL;
    return 0;
}

int skf_edit_put(struct skf_edits *e, const struct skf_node *root, const char *const *path,
                 const char *const *pairs, struct skf_err *err)
{
    if (!pairs[0])
        return 0;
    const struct skf_node *n = root, *outer = NULL;
    struct addition a = { .keys = path, .pairs = pairs };
    const struct skf_node *missing = NULL; /* a null in the place of a mapping */
    for (;; a.keys++) {
        if (outer && skf_node_is_null(n) && n->kind == SKF_SCALAR) {
            missing = n;
            break;
        }
        if (!n || n->kind != SKF_MAPPING)
            return skf_node_err(err, n, SKF_EINVAL, "expected a mapping here, found %s",
                                skf_node_kind_words(n));
        if (n->shared || n->doc->odd_breaks)
            return skf_node_err(err, n, SKF_EUNSUPPORTED,
                                n->shared ? "this mapping is shared through an alias"
                                          : "the file has unusual line ends");
        outer = n;
        const struct skf_entry *down = *a.keys ? skf_node_entry(n, *a.keys) : NULL;
        if (!down)
            break;
        if (down->merged || down->aliased)
            return skf_node_err(err, down->key, SKF_EUNSUPPORTED, "'%s' is shared through an alias",
                                *a.keys);
        n = down->value;
    }
    a.json = outer->doc->json || (outer->style == SKF_STYLE_FLOW && outer->n &&
                                  outer->entries[0].key->style == SKF_STYLE_DOUBLE);
    if (missing) {
        int rc = check_place(missing, err);
        if (rc == 0)
            fill_in(e, outer, missing, &a);
        return rc;
    }
    size_t n_pairs = 0;
    while (pairs[n_pairs])
        n_pairs += 2;
    skf_autofree const char **rest = skf_xcalloc(n_pairs + 1, sizeof(char *));
    if (!*a.keys) {
        int rc = put_existing(e, outer, pairs, rest, err);
        if (rc)
            return rc;
        a.pairs = rest;
    }
    if (!a.pairs[0])
        return 0;
    if (outer->style == SKF_STYLE_FLOW)
        add_to_flow(e, outer, &a);
    else
        add_to_block(e, outer, &a);
    return 0;
}

/* --- applying --------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct skf_edit *x = *(const struct skf_edit *const *)a;
    const struct skf_edit *y = *(const struct skf_edit *const *)b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->fills != y->fills && x->start == x->end && y->start == y->end)
        return x->fills ? -1 : 1;
    bool ix = x->start == x->end, iy = y->start == y->end;
    if (ix != iy)
        return ix ? -1 : 1;    /* an insertion goes in front of a replacement */
    return x < y ? -1 : x > y; /* else as they were made: both point into one array */
}

int skf_edits_apply(const struct skf_edits *e, const struct skf_doc *d, size_t start, size_t end,
                    struct skf_buf *out, struct skf_err *err)
{
    skf_autofree const struct skf_edit **order = skf_xcalloc(e->n + 1, sizeof(struct skf_edit *));
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        if (e->v[i].start >= start && e->v[i].end <= end)
            order[n++] = &e->v[i];
    }
    qsort(order, n, sizeof *order, by_place);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    size_t at = start;
    for (size_t i = 0; i < n; i++) {
        const struct skf_edit *x = order[i];
        const struct skf_edit *before = i ? order[i - 1] : NULL;
        if (before && before->start == x->start && before->end == x->end && x->end > x->start &&
            strcmp(before->text, x->text) == 0)
            continue;
        if (x->start < at)
            return skf_err_set(err, SKF_EBUG, "two edits of '%s' overlap at byte %zu", d->file,
                               x->start);
        skf_buf_add(&text, d->text + at, x->start - at);
        skf_buf_adds(&text, x->text);
        at = x->end;
    }
    skf_buf_add(&text, d->text + at, end - at);
    skf_buf_add(out, text.data, text.len);
    return 0;
}
