/* lib/kube/portfwd_conn.h: one accepted connection. Internal to lib/kube. */
#ifndef SKF_KUBE_PORTFWD_CONN_H
#define SKF_KUBE_PORTFWD_CONN_H
#include "lib/kube/portfwd.h"
#include "lib/kube/ws.h"

struct skf_portfwd_conn {
    struct skf_portfwd *forward;
    uv_tcp_t client;
    uv_timer_t timer;
    struct skf_ws ws;
    struct skf_buf
        early; /* what the client said before the pod answered: sent again after a redial */
    struct skf_buf error; /* the kubelet's words */
    char *uid, *pod;      /* that it was dialled to */
    unsigned port, tries, handles;
    bool reading, dialling, open, answered, client_done, ending, seen[2], writing_blocked;
    bool pod_done;  /* it has said all: the client has to take it yet */
    bool committed; /* more was said than can be said again */
};

/* Takes the next waiting connection of the listener. */
void skf_portfwd_accept(struct skf_portfwd *f);
/* The target changed: those that wait may dial now. */
void skf_portfwd_conn_retry(struct skf_portfwd_conn *c);
void skf_portfwd_conn_close(struct skf_portfwd_conn *c);
/* Implemented by portfwd.c. */
void skf_portfwd_conn_gone(struct skf_portfwd_conn *c);
void skf_portfwd_tell(struct skf_portfwd *f, enum skf_portfwd_event event, const char *text);
#endif
