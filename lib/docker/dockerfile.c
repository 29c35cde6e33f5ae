#include "lib/docker/dockerfile.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\v\f\r";

/* Walks over the physical lines. */
struct lines {
    const char *at;
    size_t left;
    int number; /* of the line that was read last */
};

struct line {
    const char *text;
    size_t len; /* without line end */
};

static bool next_line(struct lines *l, struct line *out)
{
    if (!l->left)
        return false;
    const char *end = memchr(l->at, '\n', l->left);
    size_t n = end ? (size_t)(end - l->at) : l->left;
    out->text = l->at;
    out->len = n;
    while (out->len && out->text[out->len - 1] == '\r')
        out->len--;
    n += end != NULL;
    l->at += n;
    l->left -= n;
    l->number++;
    return true;
}

static void trim_left(struct line *l)
{
    while (l->len && strchr(blanks, *l->text))
        l->text++, l->len--;
}

static void trim_right(struct line *l)
{
    while (l->len && strchr(blanks, l->text[l->len - 1]))
        l->len--;
}

/* --- parser directives ------------------------------------------------------------------------ */

/* "# key=value" in the first lines; false ends them. */
static bool read_directive(struct line l, struct skf_dockerfile *d)
{
    trim_left(&l);
    if (!l.len || *l.text != '#')
        return false;
    l.text++, l.len--;
    trim_left(&l);
    const char *eq = memchr(l.text, '=', l.len);
    if (!eq)
        return false;
    struct line key = { l.text, (size_t)(eq - l.text) };
    struct line value = { eq + 1, l.len - key.len - 1 };
    trim_right(&key);
    trim_left(&value);
    trim_right(&value);
    for (size_t i = 0; i < key.len; i++)
        if (!isalnum((unsigned char)key.text[i]))
            return false;
    if (key.len == 6 && strncasecmp(key.text, "escape", 6) == 0 && value.len == 1 &&
        (*value.text == '\\' || *value.text == '`'))
        d->escape = *value.text;
    else if (key.len == 6 && strncasecmp(key.text, "syntax", 6) == 0)
        d->other_syntax = value.len > 0;
    return true;
}

static void read_directives(struct lines *l, struct skf_dockerfile *d)
{
    struct lines ahead = *l;
    struct line line;
    while (next_line(&ahead, &line) && read_directive(line, d))
        *l = ahead;
}

/* --- logical lines ---------------------------------------------------------------------------- */

/* Ends in the escape character, which is not escaped itself? Cuts it off then. */
static bool continues(struct line *l, char escape)
{
    struct line bare = *l;
    trim_right(&bare);
    if (!bare.len || bare.text[bare.len - 1] != escape)
        return false;
    if (bare.len >= 2 && bare.text[bare.len - 2] == escape)
        return false;
    l->len = bare.len - 1;
    return true;
}

static bool is_comment_or_blank(struct line l)
{
    trim_left(&l);
    return !l.len || *l.text == '#';
}

static int too_long(const struct lines *l, const char *file, struct skf_err *err)
{
    skf_err_set(err, SKF_ECONFIG, "the line has more than %d bytes", SKF_DOCKERFILE_MAX_LINE);
    return skf_err_at(err, file, l->number, 0);
}

/* 1: there is one, in `out`; 0: end of the file; or -code. */
static int next_logical(struct lines *l, const struct skf_dockerfile *d, const char *file,
                        struct skf_buf *out, int *began, struct skf_err *err)
{
    struct line line;
    bool more = false;
    skf_buf_clear(out);
    while (next_line(l, &line)) {
        if (line.len > SKF_DOCKERFILE_MAX_LINE)
            return too_long(l, file, err);
        if (is_comment_or_blank(line))
            continue; /* also inside a continuation */
        if (!more) {
            *began = l->number;
            trim_left(&line);
        }
        more = continues(&line, d->escape);
        skf_buf_add(out, line.text, line.len);
        if (!more)
            return 1;
    }
    return out->len ? 1 : 0;
}

/* --- heredocs --------------------------------------------------------------------------------- */

/* `[fd]<<[-]NAME` at the start of a word; the name goes to `name`. */
static bool heredoc_name(const char *word, struct skf_buf *name, bool *strip_tabs)
{
    while (isdigit((unsigned char)*word))
        word++;
    if (strncmp(word, "<<", 2) != 0 || word[2] == '<')
        return false;
    word += 2;
    *strip_tabs = *word == '-';
    word += *strip_tabs;
    skf_buf_clear(name);
    for (; *word && !strchr(blanks, *word) && !strchr("<>;&|()", *word); word++)
        if (*word != '"' && *word != '\'')
            skf_buf_addc(name, *word);
    return name->len > 0;
}

bool skf_docker_is_heredoc(const char *word)
{
    skf_autobuf struct skf_buf name = SKF_BUF_INIT;
    bool strip;
    return heredoc_name(word, &name, &strip);
}

static bool may_have_heredocs(const struct skf_docker_instruction *in)
{
    static const char *const names[] = { "RUN", "COPY", "ADD", "ONBUILD" };
    for (size_t i = 0; !in->json && i < SKF_ARRAY_LEN(names); i++)
        if (strcmp(in->name, names[i]) == 0)
            return true;
    return false;
}

/* Drops the bodies that belong to the instruction: none of them is a file. */
static int skip_heredocs(struct lines *l, const struct skf_docker_instruction *in, const char *file,
                         struct skf_err *err)
{
    skf_autobuf struct skf_buf name = SKF_BUF_INIT;
    bool strip;
    for (size_t i = 0; may_have_heredocs(in) && i < in->words.n; i++) {
        struct line line;
        bool ended = false;
        if (!heredoc_name(in->words.v[i], &name, &strip))
            continue;
        while (!ended && next_line(l, &line)) {
            while (strip && line.len && *line.text == '\t')
                line.text++, line.len--;
            ended = line.len == name.len && memcmp(line.text, name.data, name.len) == 0;
        }
        if (!ended) {
            skf_err_set(err, SKF_ECONFIG, "unterminated heredoc '%.100s'", name.data);
            return skf_err_at(err, file, in->line, 0);
        }
    }
    return 0;
}

/* --- instructions ----------------------------------------------------------------------------- */

static bool read_json_words(const char *text, struct skf_strv *words)
{
    json_t *list = *text == '[' ? json_loads(text, 0, NULL) : NULL;
    bool ok = json_is_array(list);
    size_t i;
    json_t *value;
    json_array_foreach(list, i, value) ok = ok && json_is_string(value);
    if (ok)
        json_array_foreach(list, i, value) skf_strv_add(words, json_string_value(value));
    json_decref(list);
    return ok;
}

/* "--name=value" words in front, quotes and escapes removed. Returns what is behind. */
static const char *read_flags(const char *p, char escape, struct skf_strv *flags)
{
    for (;;) {
        p += strspn(p, blanks);
        if (strncmp(p, "--", 2) != 0)
            return p;
        p += 2;
        if (!*p || strchr(blanks, *p))
            return p;
        skf_autobuf struct skf_buf word = SKF_BUF_INIT;
        char quote = '\0';
        for (; *p && (quote || !strchr(blanks, *p)); p++) {
            if (*p == escape && p[1] && quote != '\'')
                skf_buf_addc(&word, *++p);
            else if (quote ? *p == quote : *p == '"' || *p == '\'')
                quote = quote ? '\0' : *p;
            else
                skf_buf_addc(&word, *p);
        }
        skf_strv_add(flags, word.data);
    }
}

static bool takes_flags(const char *name)
{
    static const char *const names[] = { "ADD", "COPY", "FROM", "RUN", "HEALTHCHECK" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

void skf_docker_instruction_read(const char *text, int line, char escape,
                                 struct skf_docker_instruction *in)
{
    size_t len = strcspn(text, blanks);
    memset(in, 0, sizeof *in);
    in->line = line;
    in->name = skf_xstrndup(text, len);
    for (char *c = in->name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    const char *rest = text + len;
    rest += strspn(rest, blanks);
    if (takes_flags(in->name))
        rest = read_flags(rest, escape, &in->flags);
    size_t end = strlen(rest);
    while (end && strchr(blanks, rest[end - 1]))
        end--;
    in->rest = skf_xstrndup(rest, end);
    in->json = read_json_words(in->rest, &in->words);
    if (!in->json)
        skf_strv_split(&in->words, in->rest, blanks);
}

void skf_docker_instruction_release(struct skf_docker_instruction *in)
{
    free(in->name);
    free(in->rest);
    skf_strv_release(&in->flags);
    skf_strv_release(&in->words);
}

void skf_dockerfile_release(struct skf_dockerfile *d)
{
    for (size_t i = 0; i < d->list.n; i++)
        skf_docker_instruction_release(&d->list.v[i]);
    skf_vec_release(&d->list);
}

static int read_all(struct lines *l, const char *file, struct skf_dockerfile *d,
                    struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    bool has_from = false;
    int rc, line = 0;
    while ((rc = next_logical(l, d, file, &text, &line, err)) > 0) {
        struct skf_docker_instruction in;
        if (d->list.n >= SKF_DOCKERFILE_MAX_INSTRUCTIONS) {
            skf_err_set(err, SKF_ETOOBIG, "more than %d instructions",
                        SKF_DOCKERFILE_MAX_INSTRUCTIONS);
            return skf_err_at(err, file, line, 0);
        }
        skf_docker_instruction_read(text.data, line, d->escape, &in);
        has_from = has_from || strcmp(in.name, "FROM") == 0;
        skf_vec_push(&d->list, in);
        rc = skip_heredocs(l, &in, file, err);
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && !has_from) {
        skf_err_set(err, SKF_ECONFIG, "no FROM in the Dockerfile '%s'", file);
        return skf_err_at(err, file, 0, 0);
    }
    return rc;
}

int skf_dockerfile_parse(const char *text, size_t len, const char *file, struct skf_dockerfile *out,
                         struct skf_err *err)
{
    struct skf_dockerfile d = { .escape = '\\' };
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, len -= 3;
    struct lines l = { text, len, 0 };
    read_directives(&l, &d);
    int rc = read_all(&l, file, &d, err);
    if (rc < 0) {
        skf_dockerfile_release(&d);
        return -(int)err->code;
    }
    *out = d;
    return 0;
}

const char *skf_docker_flag(const struct skf_docker_instruction *in, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < in->flags.n; i++) {
        const char *flag = in->flags.v[i];
        if (strncmp(flag, name, len) == 0 && (flag[len] == '=' || !flag[len]))
            return flag[len] ? flag + len + 1 : flag + len;
    }
    return NULL;
}

bool skf_dockerfile_declares(const struct skf_dockerfile *d, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < d->list.n; i++) {
        const struct skf_docker_instruction *in = &d->list.v[i];
        for (size_t j = 0; strcmp(in->name, "ARG") == 0 && j < in->words.n; j++)
            if (strncmp(in->words.v[j], name, len) == 0 &&
                (in->words.v[j][len] == '=' || !in->words.v[j][len]))
                return true;
    }
    return false;
}
