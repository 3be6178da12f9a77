/* Ctrl-C and SIGTERM: the first asks to stop at the next good place, the second ends at once. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/* From now on signals are noted. `lock` is a file to remove when ending at once; it must live on.
 */
void interrupt_watch(const char *lock);
void interrupt_release(void); /* signals end the program as usual again */
bool interrupt_pending(void);

#endif
