/* A build that writes into its own sources starts itself again, for ever. What is written while an
 * artifact builds may also be the user's next save, so nobody is believed at once:
 *
 *   round 1, 2   a change cancels the build and starts it again, as every save does
 *   round 3      it no longer cancels; when the build has ended, one more is made to see
 *   round 4      written again during that one: it is the build. Its file is named, and ignored
 *                from now on while this artifact builds
 *
 * A save by the user in between is built by the build that is made to see: nothing is lost. */
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/engine_impl.h"

enum {
    CANCELLED_ROUNDS = 2,
    ROUNDS = 3,
    RACY_MS = 10,  /* stamps lag behind the clock by a tick */
    AFTER_MS = 20, /* what a build's last process wrote may carry the stamp of its end */
};

/* Was it written while this artifact was building? */
static bool is_own(const struct unit *u, const char *path)
{
    struct stat st;
    if (!u->build_began_wall_ms || stat(path, &st) != 0)
        return false; /* that a file goes is no output */
    int64_t at = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
    return at + RACY_MS >= u->build_began_wall_ms &&
           (u->building || at <= u->build_ended_wall_ms + AFTER_MS);
}

void own_note(struct unit *u, const char *path)
{
    struct unit_own *o = &u->own;
    if (!is_own(u, path)) {
        o->foreign = true;
    } else if (!skf_strv_has(&o->ignored, path)) {
        o->seen = true;
        skf_replace(&o->path, skf_xstrdup(path));
    }
}

/* Two writes during one build are one round. */
static void count_round(struct unit_own *o)
{
    if (!o->counted)
        o->rounds++;
    o->counted = true;
}

static void settle(struct unit *u)
{
    struct unit_own *o = &u->own;
    o->pending = false;
    if (o->rounds <= ROUNDS) {
        u->dirty = true; /* the build that is made to see */
        return;
    }
    skf_autofree char *shown = skf_path_show(o->path);
    skf_autofree char *text = skf_xasprintf(
        "the build of '%s' writes '%s', which it also reads: %d builds in a row were started by "
        "that. It is ignored from now on while this image is built; write it elsewhere, or leave "
        "it out of what the image reads (.dockerignore, dependencies.ignore)",
        u->planned->artifact->image, shown, ROUNDS);
    skf_strv_add(&o->ignored, o->path);
    o->rounds = 0;
    engine_emit(u->engine, SKF_EV_WARNING, NULL, text);
}

bool own_decide(struct unit *u)
{
    struct unit_own *o = &u->own;
    bool foreign = o->foreign, seen = o->seen;
    o->foreign = o->seen = false;
    if (foreign) {
        o->rounds = 0;
        o->pending = false;
        return true;
    }
    if (!seen)
        return false;
    count_round(o);
    if (o->rounds <= CANCELLED_ROUNDS)
        return true;
    o->pending = true;
    if (!u->busy)
        settle(u);
    return u->dirty;
}

void own_build_begins(struct unit *u)
{
    if (!u->own.counted)
        u->own.rounds = 0; /* the last one was left alone */
    u->own.counted = false;
}

void own_build_ended(struct unit *u)
{
    u->build_ended_wall_ms = skf_clock_wall_ms();
    if (u->own.pending && !u->dirty)
        settle(u);
}

void own_release(struct unit *u)
{
    skf_strv_release(&u->own.ignored);
    skf_replace(&u->own.path, NULL);
}
