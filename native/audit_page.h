/* What an audit found, as a page for people: one file that needs nothing else. */
#ifndef AUDIT_PAGE_H
#define AUDIT_PAGE_H

#include <jansson.h>

#include "fault.h"
#include "options.h"

/* Writes the report of `audit --json` to o->html. */
lk_status audit_page_write(const json_t *report, const options *o, fault *f);

#endif
