/* What the exports share: the inbox, the reason of the last failure. */
#ifndef BINDINGS_H
#define BINDINGS_H

#include "likeness.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

/* The bytes that arrived last; whoever takes them over leaves it empty. */
extern lk_bytes inbox;
void empty_inbox(void);

extern lk_error last_error;
/* Returns status. */
lk_status fail(lk_status status, const char *message);

/* Fails if there is none of this number. */
bool preparation_known(uint32_t preparation);

#endif
